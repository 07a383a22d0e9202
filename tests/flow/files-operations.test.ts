import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { gunzipSync } from "node:zlib";
import type { Blobs } from "@millrace/blobs";
import type { Json } from "@millrace/core";
import type { FileOperationName } from "@millrace/protocol/file-operations/index";
import sharp from "sharp";
import { blobsOf, fileResultOf, submitFile } from "../support/file-tasks.ts";
import { onSharedPostgres } from "../support/on-shared-postgres.ts";
import { startTaskStack, type TaskStack } from "../support/task-stack.ts";

const ENDED_MS = 40_000;

let stack: TaskStack;
let blobs: Blobs;
beforeAll(async () => {
  stack = await startTaskStack(await onSharedPostgres());
  blobs = await blobsOf(stack);
}, 90_000);
afterAll(() => stack?.close());

interface Upload {
  readonly operation: FileOperationName;
  readonly content: string | Uint8Array<ArrayBuffer>;
  readonly filename?: string;
  readonly options?: Json;
}

/** From the upload to the result, as a client sees them. */
async function process({ operation, content, filename = "file.txt", options = {} }: Upload) {
  const headers = { Authorization: `Bearer ${stack.apiKey}` };
  const form = new FormData();
  form.set("operation", operation);
  form.set("options", JSON.stringify(options));
  form.set("file", new File([content], filename));
  const uploaded = await fetch(`${stack.apiUrl}/api/files`, { method: "POST", headers, body: form });
  const { file_id: fileId } = (await uploaded.json()) as { readonly file_id: string };
  expect(uploaded.status).toBe(201);
  const task = await stack.untilEnded(fileId, ENDED_MS);
  const { result, summary } = fileResultOf(task);
  const answer = await fetch(`${stack.apiUrl}/api/files/${fileId}/result`, { headers });
  const bytes = new Uint8Array(await answer.arrayBuffer());
  expect([answer.status, answer.headers.get("content-type")]).toEqual([200, result.content_type]);
  expect(answer.headers.get("content-disposition")).toContain(result.name);
  const sha256 = new Bun.CryptoHasher("sha256").update(bytes).digest("hex");
  expect(result).toMatchObject({ key: `results/${fileId}/1`, size: bytes.length, sha256 });
  return { task, bytes, text: new TextDecoder().decode(bytes), result, summary };
}

const CSV = 'name,height\n"Smith, Jo",1.7\n"a ""b""\nc",1.9\n,1.8\n';

interface Story {
  readonly operation: FileOperationName;
  readonly content: string;
  readonly options?: Json;
  readonly name: string;
  readonly text?: string;
  readonly summary?: unknown;
}

describe("every operation, from the task to the stored result", () => {
  test.each<Story>([
    {
      ...{ operation: "uppercase", content: "straße ŉ ﬁ\r\nΣίσυφος\n", name: "file.uppercase.txt" },
      text: "STRASSE ʼN FI\r\nΣΊΣΥΦΟΣ\n",
    },
    {
      ...{ operation: "text-stats", content: "the cat\nThe dog\n", name: "file.text-stats.json" },
      ...{ options: { top: 1 } },
      summary: { lines: 2, words: 4, bytes: 16, top_words: [{ word: "the", count: 2 }] },
    },
    {
      ...{ operation: "csv-profile", content: CSV, name: "file.csv-profile.json" },
      summary: {
        columns: [
          { name: "name", nulls: 1 },
          { name: "height", min: 1.7, max: 1.9 },
        ],
      },
    },
    {
      ...{ operation: "checksum", content: "123456789", name: "file.checksum.json" },
      ...{ options: { algorithms: ["crc32", "sha256"] } },
      summary: {
        crc32: "cbf43926",
        sha256: "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225",
      },
    },
  ])("$operation", async ({ operation, content, options = {}, name, text, summary }) => {
    const done = await process({ operation, content, options });
    expect(done.result.name).toBe(name);
    if (text !== undefined) expect(done.text).toBe(text);
    if (summary !== undefined) {
      expect(done.summary).toMatchObject(summary as object);
      expect(JSON.parse(done.text)).toMatchObject(summary as object);
    }
    expect(done.task).toMatchObject({ task_type: "file.process", lane: "file", attempts: 1, progress: 1 });
  });

  test("gzip", async () => {
    const { bytes, result } = await process({ operation: "gzip", content: "again ".repeat(10_000) });
    expect(result).toMatchObject({ name: "file.txt.gz", content_type: "application/gzip" });
    expect(gunzipSync(bytes).toString()).toBe("again ".repeat(10_000));
    expect(bytes.length).toBeLessThan(1_000);
  });

  test("thumbnail", async () => {
    const create = { width: 900, height: 300, channels: 3 as const, background: "red" };
    const content = new Uint8Array(await sharp({ create }).png().toBuffer());
    const options = { width: 90, height: 90, format: "webp" };
    const { bytes, result } = await process({
      ...{ operation: "thumbnail", content, options, filename: "photo.png" },
    });
    expect(result).toMatchObject({ name: "photo.thumbnail.webp", content_type: "image/webp" });
    expect(await sharp(bytes).metadata()).toMatchObject({ format: "webp", width: 90, height: 30 });
  });
});

test("progress is told while a file is processed, and only forward", async () => {
  const line = "every word of this line is one that counts, and none of them is new\n";
  const fileId = await submitFile(
    { ...stack, blobs },
    { operation: "text-stats", content: line.repeat(600_000) },
  );
  const seen: number[] = [];
  for (;;) {
    const { body } = await stack.call("GET", `/api/tasks/${fileId}`);
    if (body.status === "running" && body.progress !== null) seen.push(body.progress);
    if (body.status === "completed") break;
    if (body.status === "failed") throw new Error(JSON.stringify(body));
  }
  expect(seen.toSorted((a, b) => a - b)).toEqual(seen);
  expect(seen.filter((progress) => progress > 0 && progress < 1)).not.toEqual([]);
}, 60_000);
