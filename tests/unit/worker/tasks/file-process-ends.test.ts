import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import type { AttemptOutcome } from "@millrace/core";
import { resultKey } from "@millrace/protocol/file-operations/index";
import type { TaskContext } from "@millrace/worker/task-type";
import { contentOf } from "../../../support/blobs.ts";
import { type FileGround, failure, startFileGround } from "../../../support/file-ground.ts";
import { untilTrue } from "../../../support/running-stack.ts";

const DONE_MS = 30_000;

let ground: FileGround;
beforeAll(async () => {
  ground = await startFileGround("local");
}, DONE_MS);
/** Nothing that a run needed is left, however it ended. */
afterEach(async () => expect(await ground.leftovers()).toEqual([]));
afterAll(() => ground?.stop());

async function run(content: string, context?: Partial<TaskContext>): Promise<AttemptOutcome> {
  return await ground.run(await ground.store(content), context);
}

describe("stopping", () => {
  const reason = new Error("the test wants it");

  test(
    "a file that computes for ever is stopped, and the reason comes through",
    async () => {
      const abort = new AbortController();
      const ended = run("!loop\n", { signal: abort.signal });
      await untilTrue(() => ground.busyThreads() === 1, DONE_MS, "a busy thread");
      abort.abort(reason);
      expect(await ended.catch((error: unknown) => error)).toBe(reason);
      expect(ground.busyThreads()).toBe(0);
      expect(await run("and the next one runs")).toMatchObject({ kind: "completed" });
    },
    DONE_MS,
  );

  test(
    "so is one that runs alone, with its process",
    async () => {
      const abort = new AbortController();
      const task = await ground.store(`!wait /no/such/file\n`);
      ground.losses.set(task.file_id, 1);
      const seen = Promise.withResolvers<void>();
      const context = { attempt: 2, signal: abort.signal, reportProgress: () => seen.resolve() };
      const ended = ground.run(task, context);
      await seen.promise;
      abort.abort(reason);
      expect(await ended.catch((error: unknown) => error)).toBe(reason);
    },
    DONE_MS,
  );

  test("nothing is stored of an attempt that was aborted before it began", async () => {
    const task = await ground.store("a");
    const context = { signal: AbortSignal.abort(reason) };
    expect(await ground.run(task, context).catch((error: unknown) => error)).toBe(reason);
    expect(await ground.blobs.stat(resultKey(task.file_id, 1))).toBeUndefined();
  });
});

describe("a file that ends what runs it", () => {
  test(
    "costs the first time an attempt, with its thread",
    async () => {
      expect(await run("!exit\n")).toEqual(failure("THREAD_DIED", true));
      expect(await run("and the next one runs")).toMatchObject({ kind: "completed" });
    },
    DONE_MS,
  );

  test.each(["!kill", "!exit"])(
    "is quarantined when it does so alone, too: %s",
    async (order) => {
      const task = await ground.store(`${order}\n`);
      ground.losses.set(task.file_id, 2);
      const outcome = await ground.run(task, { attempt: 3 });
      expect(outcome).toEqual(failure("QUARANTINED", false));
      expect(outcome).toMatchObject({ error: { message: expect.stringContaining("2 times") } });
    },
    DONE_MS,
  );

  test(
    "is processed when it was not to blame",
    async () => {
      const task = await ground.store("innocent\n");
      ground.losses.set(task.file_id, 1);
      const outcome = await ground.run(task, { attempt: 2 });
      expect(outcome).toMatchObject({ kind: "completed", result: { result: { size: 9 } } });
      expect(new TextDecoder().decode(await contentOf(ground.blobs, resultKey(task.file_id, 2)))).toBe(
        "INNOCENT\n",
      );
    },
    DONE_MS,
  );

  test(
    "fails as ever when only its content is wrong",
    async () => {
      const task = await ground.store("a,b\n1\n", { operation: "csv-profile" });
      ground.losses.set(task.file_id, 1);
      expect(await ground.run(task, { attempt: 2 })).toEqual(failure("INPUT_INVALID", false));
    },
    DONE_MS,
  );
});
