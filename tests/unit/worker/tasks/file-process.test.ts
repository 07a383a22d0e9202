import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import type { Blobs } from "@millrace/blobs";
import { type AttemptOutcome, Fault } from "@millrace/core";
import { contentKey, decodeFileResult, resultKey } from "@millrace/protocol/file-operations/index";
import type { TaskContext } from "@millrace/worker/task-type";
import fileProcess from "@millrace/worker/tasks/file-process";
import { contentOf, KINDS } from "../../../support/blobs.ts";
import { type FileGround, failure, startFileGround } from "../../../support/file-ground.ts";

const DONE_MS = 30_000;

describe.each(KINDS)("with files in %s", (kind) => {
  let ground: FileGround;
  beforeAll(async () => {
    ground = await startFileGround(kind);
  }, DONE_MS);
  afterAll(() => ground?.stop());

  test(
    "the result is stored under the attempt, and described",
    async () => {
      const task = await ground.store("straße\n");
      const outcome = await ground.run(task, { attempt: 4 });
      if (outcome.kind !== "completed") throw new Error(JSON.stringify(outcome));
      const key = resultKey(task.file_id, 4);
      const bytes = await contentOf(ground.blobs, key);
      expect(new TextDecoder().decode(bytes)).toBe("STRASSE\n");
      expect(decodeFileResult(outcome.result)).toEqual({
        result: {
          key,
          name: "report.uppercase.txt",
          content_type: "text/plain; charset=utf-8",
          size: 8,
          sha256: new Bun.CryptoHasher("sha256").update("STRASSE\n").digest("hex"),
        },
        summary: { bytes_in: 8, bytes_out: 8 },
        duration_ms: expect.any(Number),
      });
      expect(await ground.leftovers()).toEqual([]);
    },
    DONE_MS,
  );

  test(
    "a content of several pieces arrives whole",
    async () => {
      const text = "a line that ends at no piece's end\n".repeat(170_000);
      const task = await ground.store(text, {
        operation: "checksum",
        options: { algorithms: ["sha256"] },
      });
      const sha256 = new Bun.CryptoHasher("sha256").update(text).digest("hex");
      expect(await ground.run(task)).toMatchObject({ kind: "completed", result: { summary: { sha256 } } });
    },
    DONE_MS,
  );

  test(
    "content that was deleted meanwhile is a failure that is not retried",
    async () => {
      const task = await ground.store("a");
      await ground.blobs.remove(task.content_key);
      expect(await ground.run(task)).toEqual(failure("CONTENT_MISSING", false));
    },
    DONE_MS,
  );
});

let ground: FileGround;
beforeAll(async () => {
  ground = await startFileGround("local");
}, DONE_MS);
/** Nothing that a run needed is left, however it ended. */
afterEach(async () => expect(await ground.leftovers()).toEqual([]));
afterAll(() => ground?.stop());

type Stored = Parameters<FileGround["store"]>[1];
type Given = Stored & { readonly context?: Partial<TaskContext> };

async function run(content: string, given?: Stored, context?: Partial<TaskContext>): Promise<AttemptOutcome> {
  return await ground.run(await ground.store(content, given), context);
}

describe("what is wrong with a file or its task is said, and not tried again", () => {
  test.each<[string, string, Given]>([
    ["INPUT_INVALID", "a,b\n1,2,3\n", { operation: "csv-profile" }],
    ["INPUT_INVALID", "", { operation: "thumbnail" }],
    ["PAYLOAD_INVALID", "a", { operation: "no-such" }],
    ["PAYLOAD_INVALID", "a", { operation: "gzip", options: { level: 99 } }],
    ["PAYLOAD_INVALID", "a", { content_key: contentKey("another") }],
    ["PAYLOAD_INVALID", "a", { context: { taskId: "another" } }],
    ["CONTENT_DAMAGED", "abc", { size: 4 }],
  ])("%s", async (code, content, { context, ...given }) => {
    expect(await run(content, given, context)).toEqual(failure(code, false));
  });
});

test("a file without bytes is a file", async () => {
  expect(await run("")).toMatchObject({ kind: "completed", result: { result: { size: 0 } } });
  expect(await run("", { operation: "text-stats" })).toMatchObject({
    kind: "completed",
    result: { summary: { lines: 0 } },
  });
});

describe("a storage that is away", () => {
  const away = (change: Partial<Blobs>): Blobs => {
    const { blobs: own } = ground;
    return {
      uploads: own.uploads,
      write: (...given) => own.write(...given),
      read: (...given) => own.read(...given),
      stat: (...given) => own.stat(...given),
      remove: (...given) => own.remove(...given),
      list: (...given) => own.list(...given),
      sweep: (...given) => own.sweep(...given),
      checkHealth: () => own.checkHealth(),
      localPath: (key) => own.localPath?.(key) ?? Promise.resolve(undefined),
      ...change,
    };
  };
  const refuse = () => Promise.reject(new Fault("STORAGE_UNAVAILABLE", "it is away"));

  test.each<[string, Partial<Blobs>]>([
    ["for the content", { localPath: refuse }],
    ["for the result", { write: refuse }],
  ])("%s costs an attempt, and the next one waits longer", async (_, change) => {
    const task = await ground.store("a");
    expect(await ground.run(task, {}, away(change))).toEqual({
      ...failure("STORAGE_UNAVAILABLE", true),
      retryAfterMs: 30_000,
    });
  });
});

test("a worker without threads does not offer the type", () => {
  expect(
    fileProcess({ egress: { allowLoopback: false, allow: [], denyPorts: [] }, allowCrash: false }),
  ).toBeNull();
});
