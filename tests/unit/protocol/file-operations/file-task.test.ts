import { describe, expect, test } from "bun:test";
import type { Json } from "@millrace/core";
import {
  contentKey,
  decodeFileResult,
  decodeFileTask,
  type FileTask,
  resultKey,
} from "@millrace/protocol/file-operations/index";

const TASK: FileTask = {
  file_id: "0197-a",
  owner_id: 7,
  operation: "gzip",
  options: { level: 6 },
  content_key: contentKey("0197-a"),
  filename: "a.txt",
  size: 3,
  sha256: "00",
};

const RESULT = {
  result: {
    key: resultKey("0197-a", 2),
    name: "a.txt.gz",
    content_type: "application/gzip",
    size: 23,
    sha256: "11",
  },
  summary: null,
  duration_ms: 12,
};

describe("the payload of a file's task", () => {
  test("is read as it was written", () => {
    expect(decodeFileTask({ ...TASK })).toEqual(TASK);
  });

  test("may leave its options out", () => {
    const { options: _, ...rest } = TASK;
    expect(decodeFileTask(rest)).toEqual({ ...TASK, options: null });
  });

  test.each<[string, Json]>([
    ["another file's content", { ...TASK, content_key: contentKey("0197-b") }],
    ["a result as content", { ...TASK, content_key: resultKey("0197-a", 1) }],
    ["no owner", { ...TASK, owner_id: null }],
    ["a size that is none", { ...TASK, size: -1 }],
    ["no operation", { ...TASK, operation: 5 }],
    ["a list", [{ ...TASK }]],
    ["nothing", null],
    ["a text", "file"],
  ])("is refused with %s", (_, payload) => {
    expect(decodeFileTask(payload)).toBeNull();
  });
});

describe("the result of a file's task", () => {
  test("is read as it was written", () => {
    expect(decodeFileResult(RESULT)).toEqual(RESULT);
  });

  test("may have no file, or no summary", () => {
    expect(decodeFileResult({ duration_ms: 1 })).toEqual({ result: null, summary: null, duration_ms: 1 });
  });

  test.each<[string, Json]>([
    ["no time", { ...RESULT, duration_ms: "12" }],
    ["a file without a key", { ...RESULT, result: { ...RESULT.result, key: null } }],
    ["a file without a size", { ...RESULT, result: { ...RESULT.result, size: 1.5 } }],
    ["what a worker cut because it was too long", { is_truncated: true, bytes: 1, head: "{" }],
    ["nothing", null],
  ])("is not made up from %s", (_, value) => {
    expect(decodeFileResult(value)).toBeNull();
  });
});
