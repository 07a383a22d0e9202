import { expect, test } from "bun:test";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Fault } from "@millrace/core";
import { FILE_SUMMARY_BYTES_MAX } from "@millrace/core/limits";
import { contentKey, type FileTask } from "@millrace/protocol/file-operations/index";
import { storeResult } from "@millrace/worker/files/store-result";
import { contentOf, newBlobs } from "../../../support/blobs.ts";
import { scratch } from "../../../support/scratch.ts";

const TASK: FileTask = {
  ...{ file_id: "file-1", owner_id: 1, operation: "csv-profile", options: {}, size: 3, sha256: "00" },
  ...{ content_key: contentKey("file-1"), filename: "table.csv" },
};

async function newResult(summary: string) {
  const path = join((await scratch()).folder("result"), "result");
  await writeFile(path, "the result");
  const made = { contentType: "application/json", extension: "json", bytes: 10, summary };
  return { task: TASK, attempt: 1, made, path, signal: new AbortController().signal };
}

test("the result is stored as it is, named after its file", async () => {
  const blobs = await newBlobs("local");
  const { result } = await storeResult(blobs, await newResult("short"));
  expect(result).toMatchObject({ key: "results/file-1/1", name: "table.csv-profile.json", size: 10 });
  expect(new TextDecoder().decode(await contentOf(blobs, "results/file-1/1"))).toBe("the result");
});

test("a result that cannot be moved into the storage is copied", async () => {
  const made = await newResult("short");
  for (const blobs of [
    Object.assign(await newBlobs("local"), { adopt: () => Promise.resolve(undefined) }),
    Object.assign(await newBlobs("local"), { adopt: undefined }),
  ]) {
    const { result } = await storeResult(blobs, made);
    expect(result).toMatchObject({ key: "results/file-1/1", size: 10 });
    expect(new TextDecoder().decode(await contentOf(blobs, "results/file-1/1"))).toBe("the result");
  }
});

test("a summary stands in the task as long as it is short", async () => {
  const blobs = await newBlobs("local");
  const longest = "x".repeat(FILE_SUMMARY_BYTES_MAX - 2); // Its quotes are two more.
  expect((await storeResult(blobs, await newResult(longest))).summary).toBe(longest);
  expect((await storeResult(blobs, await newResult(`${longest}x`))).summary).toBeNull();
  expect((await storeResult(blobs, await newResult(`ä${longest.slice(1)}`))).summary).toBeNull();
});

test("a result that no file can have is refused, and not tried again", async () => {
  const blobs = await newBlobs("local");
  const adopt = () => Promise.reject(new Fault("BODY_TOO_LARGE", "too much"));
  const storing = storeResult(Object.assign(blobs, { adopt }), await newResult(""));
  expect(await storing.catch((error: unknown) => error)).toMatchObject({
    code: "RESULT_TOO_LARGE",
    isRetryable: false,
  });
});

test("an attempt that was aborted stores nothing", async () => {
  const blobs = await newBlobs("local");
  const reason = new Error("stop");
  const storing = storeResult(blobs, { ...(await newResult("")), signal: AbortSignal.abort(reason) });
  expect(await storing.catch((error: unknown) => error)).toBe(reason);
  expect(await blobs.stat("results/file-1/1")).toBeUndefined();
});
