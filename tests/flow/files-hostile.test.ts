import { afterAll, beforeAll, expect, test } from "bun:test";
import { crc32, deflateSync } from "node:zlib";
import type { Blobs } from "@millrace/blobs";
import { blobsOf, type NewFile, submitFile } from "../support/file-tasks.ts";
import { onSharedPostgres } from "../support/on-shared-postgres.ts";
import { startTaskStack, type TaskStack } from "../support/task-stack.ts";

const ENDED_MS = 60_000;

let stack: TaskStack;
let blobs: Blobs;
beforeAll(async () => {
  stack = await startTaskStack(await onSharedPostgres());
  blobs = await blobsOf(stack);
}, 90_000);
afterAll(() => stack?.close());

function chunk(type: string, body: Uint8Array): Buffer {
  const typed = Buffer.concat([Buffer.from(type), body]);
  const frame = Buffer.alloc(8);
  frame.writeUInt32BE(body.length, 0);
  frame.writeUInt32BE(crc32(typed), 4);
  return Buffer.concat([frame.subarray(0, 4), typed, frame.subarray(4)]);
}

/** A PNG of that many pixels by its header, in a few bytes. */
function png(width: number, height: number): Uint8Array {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 2, 0, 0, 0], 8); // 8 bits, red green blue
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk("IHDR", header),
    chunk("IDAT", deflateSync(Buffer.alloc(10_000))),
    chunk("IEND", new Uint8Array()),
  ]);
}

/** 50 MB of nothing in 50 KB. */
function bomb(): Uint8Array {
  return Bun.gzipSync(new Uint8Array(50_000_000));
}

test("what is wrong with a file fails that file alone, at once, and says what", async () => {
  const files: readonly (NewFile & { readonly says: RegExp })[] = [
    { operation: "csv-profile", content: 'a,b\n1,2\n"x,3\n', says: /line 3/ },
    { operation: "csv-profile", content: "a,b\n1,2,3\n", says: /line 2/ },
    { operation: "thumbnail", content: png(50_000, 50_000), says: /50 ?000/ },
    { operation: "thumbnail", content: "<svg/>", says: /image/ },
    { operation: "thumbnail", content: "", says: /./ },
    { operation: "uppercase", content: Uint8Array.of(0x61, 0xff, 0x62), says: /1/ },
    { operation: "uppercase", content: bomb(), says: /UTF-8/ },
    { operation: "csv-profile", content: bomb(), filename: "table.csv.gz", says: /./ },
    { operation: "thumbnail", content: bomb(), filename: "image.png", says: /image/ },
  ];
  const ground = { ...stack, blobs };
  const submitted: { readonly fileId: string; readonly file: (typeof files)[number] }[] = [];
  for (const file of files) submitted.push({ fileId: await submitFile(ground, file), file });
  const good = await submitFile(ground, { operation: "uppercase", content: "fine" });

  for (const { fileId, file } of submitted) {
    const task = await stack.untilEnded(fileId, ENDED_MS);
    expect({ file: file.operation, ...task }).toMatchObject({
      ...{ file: file.operation, status: "failed", attempts: 1 },
      error: { code: "INPUT_INVALID", message: expect.stringMatching(file.says) },
    });
    expect((await stack.call("GET", `/api/dlq/${fileId}`)).status).toBe(200);
  }
  expect(await stack.untilEnded(good, ENDED_MS)).toMatchObject({ status: "completed", attempts: 1 });
  // Of failed attempts nothing was stored.
  expect((await blobs.list({ prefix: "results" })).items.map(({ key }) => key)).toEqual([
    `results/${good}/1`,
  ]);
}, 120_000);

test("what is packed stays packed: a bomb is as large as it came", async () => {
  const content = bomb();
  const fileId = await submitFile({ ...stack, blobs }, { operation: "checksum", content });
  const task = await stack.untilEnded(fileId, ENDED_MS);
  expect(task.result.summary).toMatchObject({ bytes: content.length });
}, 120_000);

test("an empty file is processed where that makes sense", async () => {
  const ground = { ...stack, blobs };
  for (const operation of ["uppercase", "text-stats", "checksum", "gzip"] as const) {
    const fileId = await submitFile(ground, { operation, content: "" });
    expect(await stack.untilEnded(fileId, ENDED_MS)).toMatchObject({ status: "completed" });
  }
}, 120_000);
