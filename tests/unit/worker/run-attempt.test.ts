import { describe, expect, test } from "bun:test";
import {
  ABORT_GRACE_MS,
  ERROR_MESSAGE_CHARS_MAX,
  JSON_DEPTH_MAX,
  RESULT_BYTES_MAX,
} from "@millrace/core/limits";
import { AttemptAborted, type RunEnd, runAttempt } from "@millrace/worker/run-attempt";
import type { TaskContext, TaskType } from "@millrace/worker/task-type";
import { taskContext } from "../../support/task-context.ts";

interface Trial {
  readonly timeoutMs?: number;
  readonly abort?: AbortController;
}

/** Runs a handler that may do whatever user code can: its type promises nothing. */
function run(
  handler: (context: TaskContext) => unknown,
  { timeoutMs = 5_000, abort = new AbortController() }: Trial = {},
): Promise<RunEnd> {
  const type = { taskType: "odd", run: handler } as unknown as TaskType;
  return runAttempt({ type, abort, timeoutMs, context: taskContext({}) });
}

const completed = (result: unknown) => run(async () => ({ kind: "completed", result }));
const failed = (code: string) => ({ kind: "failed", error: { code } });

/** A handler that ends as it should: by rejecting with the signal's reason. */
const untilAborted = ({ signal }: TaskContext) =>
  new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
const never = () => new Promise(() => {});

describe("time-out", () => {
  test("is a failure that is tried again, and tells the limit", async () => {
    expect(await run(untilAborted, { timeoutMs: 20 })).toEqual({
      kind: "failed",
      error: { code: "TIMEOUT", message: "it ran longer than 0.02 s" },
      isRetryable: true,
    });
  });

  test("leaves a handler that ignores the signal behind, after the grace", async () => {
    const startedAt = performance.now();
    expect(await run(never, { timeoutMs: 20 })).toMatchObject(failed("TIMEOUT"));
    const tookMs = performance.now() - startedAt;
    expect(tookMs).toBeGreaterThanOrEqual(ABORT_GRACE_MS);
    expect(tookMs).toBeLessThan(ABORT_GRACE_MS + 1_000);
  });

  test("does not undo what the handler brings to its end within the grace", async () => {
    const end = await run(
      async ({ signal }) => {
        await untilAborted({ signal } as TaskContext).catch(() => {});
        return { kind: "completed", result: "just in time" };
      },
      { timeoutMs: 20 },
    );
    expect(end).toEqual({ kind: "completed", result: "just in time" });
  });
});

describe("abort from outside", () => {
  test.each(["cancelled", "drained"] as const)(
    "%s is told as such, whether the handler listens or not",
    async (why) => {
      for (const handler of [untilAborted, never]) {
        const abort = new AbortController();
        const end = run(handler, { abort });
        abort.abort(new AttemptAborted(why, why));
        expect(await end).toEqual({ kind: "aborted", why });
      }
    },
  );

  test("before the start is not overlooked", async () => {
    const abort = new AbortController();
    abort.abort(new AttemptAborted("cancelled", "cancelled"));
    expect(await run(never, { abort })).toEqual({ kind: "aborted", why: "cancelled" });
  });

  test("a handler that fails in another way meanwhile is aborted all the same", async () => {
    const abort = new AbortController();
    const end = run(
      async ({ signal }) => {
        await untilAborted({ signal } as TaskContext).catch(() => {});
        throw new Error("something else");
      },
      { abort },
    );
    abort.abort(new AttemptAborted("drained", "drained"));
    expect(await end).toEqual({ kind: "aborted", why: "drained" });
  });
});

describe("handlers that break", () => {
  test.each([
    [
      "throw at once",
      () => {
        throw new Error("boom");
      },
    ],
    [
      "reject",
      async () => {
        throw new Error("boom");
      },
    ],
    [
      "throw a text",
      async () => {
        throw "boom";
      },
    ],
  ])("%s: a failure that is tried again", async (_, handler) => {
    expect(await run(handler)).toEqual({
      kind: "failed",
      error: { code: "HANDLER_ERROR", message: "boom" },
      isRetryable: true,
    });
  });

  test.each([
    ["undefined", undefined],
    ["null", null],
    ["a text", "done"],
    ["an unknown kind", { kind: "perhaps" }],
    ["a failure without error", { kind: "failed", isRetryable: true }],
    ["an error without message", { kind: "failed", error: { code: "X" }, isRetryable: true }],
    ["a message that is no text", { kind: "failed", error: { code: "X", message: 7 }, isRetryable: true }],
  ])("return %s: a failure of the handler", async (_, outcome) => {
    expect(await run(async () => outcome)).toMatchObject(failed("HANDLER_ERROR"));
  });

  test.each([undefined, null, 7, "", "A\0B", "x".repeat(1_000), {}])(
    "an error code of %p is made one that can be stored",
    async (code) => {
      const end = await run(async () => ({
        kind: "failed",
        error: { code, message: "m" },
        isRetryable: true,
      }));
      if (end.kind !== "failed") throw new Error("it should fail");
      expect(end.error.code).toMatch(/^[^\0]{1,64}$/);
      expect(end.error.message).toBe("m");
    },
  );

  test("a message keeps within its bound, without what PostgreSQL cannot hold", async () => {
    const message = `a\0b\ud800${"x".repeat(ERROR_MESSAGE_CHARS_MAX * 2)}`;
    const end = await run(async () => ({
      kind: "failed",
      error: { code: "X", message },
      isRetryable: false,
    }));
    if (end.kind !== "failed") throw new Error("it should fail");
    expect(end.error.message.slice(0, 4)).toBe("ab\ufffdx");
    expect(end.error.message.length).toBeLessThanOrEqual(ERROR_MESSAGE_CHARS_MAX);
    expect(end.isRetryable).toBe(false);
  });
});

describe("results", () => {
  test("come through as they are", async () => {
    const result = { a: [1, null, "ü\0"] };
    expect(await completed(result)).toEqual({ kind: "completed", result });
  });

  test.each([undefined, () => {}, Symbol("x")])("%p is nothing: null", async (result) => {
    expect(await completed(result)).toEqual({ kind: "completed", result: null });
  });

  const circle: Record<string, unknown> = {};
  circle.self = circle;
  test.each([
    ["a circle", circle],
    ["a bigint", 1n],
    [
      "what throws when it is written",
      {
        toJSON: () => {
          throw new Error("no");
        },
      },
    ],
  ])("%s is no JSON: a failure that no attempt can mend", async (_, result) => {
    expect(await completed(result)).toMatchObject({ ...failed("RESULT_INVALID"), isRetryable: false });
  });

  test("what is too large is cut, and says so", async () => {
    const end = await completed("ü".repeat(RESULT_BYTES_MAX));
    expect(end).toMatchObject({
      kind: "completed",
      result: { is_truncated: true, bytes: RESULT_BYTES_MAX * 2 + 2 },
    });
    expect(Buffer.byteLength(JSON.stringify(end))).toBeLessThan(RESULT_BYTES_MAX);
  });

  test("of exactly the largest size are whole", async () => {
    const result = "x".repeat(RESULT_BYTES_MAX - 2);
    expect(await completed(result)).toEqual({ kind: "completed", result });
  });

  test("nested deeper than PostgreSQL may take are refused, and as deep as allowed are not", async () => {
    const nested = (depth: number) => JSON.parse("[".repeat(depth) + "]".repeat(depth));
    expect((await completed(nested(JSON_DEPTH_MAX))).kind).toBe("completed");
    expect(await completed(nested(JSON_DEPTH_MAX + 1))).toMatchObject(failed("RESULT_INVALID"));
    expect(await completed(nested(20_000))).toMatchObject(failed("RESULT_INVALID"));
  });

  test("deep brackets in a text are a text", async () => {
    const result = "[{".repeat(1_000);
    expect(await completed(result)).toEqual({ kind: "completed", result });
  });
});
