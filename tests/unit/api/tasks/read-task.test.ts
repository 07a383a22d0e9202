import { describe, expect, test } from "bun:test";
import { isDeeperThan, readTask, type Submitter, type TaskRules } from "@millrace/api/tasks/read-task";
import type { TaskWish } from "@millrace/api/tasks/task-wish";
import type { Json } from "@millrace/core";
import { JSON_DEPTH_MAX, PAYLOAD_BYTES_MAX } from "@millrace/core/limits";
import type { NewTask } from "@millrace/store";

const NOW_MS = Date.UTC(2026, 2, 1, 9, 30);
const RULES: TaskRules = {
  timeoutS: { short: 30, long: 300 },
  nowMs: () => NOW_MS,
  makeTaskId: () => "made",
};
const SUBMITTER: Submitter = { ownerId: 7, correlationId: "c-1", requestBytes: 100 };

function read(wish: Partial<TaskWish>, submitter: Partial<Submitter> = {}) {
  return readTask({ task_type: "nobodys.own", ...wish }, { ...SUBMITTER, ...submitter }, RULES);
}

function task(wish: Partial<TaskWish>, submitter: Partial<Submitter> = {}): NewTask {
  const reading = read(wish, submitter);
  if (!reading.ok) throw new Error(JSON.stringify(reading));
  return reading.task;
}

/** The paths of what is wrong. */
function paths(wish: Partial<TaskWish>): readonly string[] {
  const reading = read(wish);
  return reading.ok ? [] : reading.errors.map(({ path }) => path);
}

test("what a wish leaves open is filled in", () => {
  expect(task({})).toEqual({
    task_id: "made",
    task_type: "nobodys.own",
    owner_id: 7,
    lane: "long",
    priority: 5,
    payload: {},
    dependencies: null,
    timeout_s: 300,
    max_attempts: 3,
    backoff: { initial_ms: 1_000, factor: 2, max_ms: 60_000, jitter: true },
    run_at: null,
    tenant: null,
    correlation_id: "c-1",
  });
});

test("what a wish says is kept, zero, false and null included", () => {
  const wish = {
    task_id: "mine",
    payload: null,
    priority: 1,
    lane: "short",
    timeout: 60,
    max_attempts: 1,
    backoff: { initial_ms: 0, factor: 1, max_ms: 0, jitter: false },
    delay: 0,
    tenant: "acme",
    dependencies: [],
  } as const;
  expect(task({ ...wish, dependencies: [] })).toMatchObject({
    task_id: "mine",
    payload: null,
    priority: 1,
    lane: "short",
    timeout_s: 60,
    max_attempts: 1,
    backoff: { initial_ms: 0, factor: 1, max_ms: 0, jitter: false },
    run_at: null,
    tenant: "acme",
    dependencies: null,
  });
});

test("a time-out in parts of a second becomes the next whole one", () => {
  expect(task({ timeout: 1.2, lane: "short" }).timeout_s).toBe(2);
});

describe("the lane of a task that names none", () => {
  const lane = (wish: Partial<TaskWish>) => task(wish).lane;
  const call = { task_type: "http.request", payload: { url: "https://example.org" } };

  test("is the long one for a type that nobody here knows, unless a short time-out is promised", () => {
    expect([lane({}), lane({ timeout: 60 }), lane({ timeout: 61 })]).toEqual(["long", "short", "long"]);
  });

  test("is the type's own for a built-in one", () => {
    const simulate = (duration_ms: number) => ({ task_type: "simulate", payload: { duration_ms } });
    expect([lane(call), lane(simulate(10_000)), lane(simulate(10_001))]).toEqual(["short", "short", "long"]);
  });

  test("is the long one when the time-out asked for is more than the short one allows", () => {
    expect(task({ ...call, timeout: 300 })).toMatchObject({ lane: "long", timeout_s: 300 });
  });
});

test("the short lane, asked for by name, refuses a time-out that it does not allow", () => {
  expect([paths({ lane: "short", timeout: 60 }), paths({ lane: "short", timeout: 61 })]).toEqual([
    [],
    ["/timeout"],
  ]);
});

describe("run_at", () => {
  const runAt = (run_at: string) => task({ run_at }).run_at;

  test.each([
    ["2026-06-30T23:59:59Z", "2026-06-30T23:59:59.000Z"],
    ["2026-06-30t23:59:59z", "2026-06-30T23:59:59.000Z"],
    ["2026-06-30T23:59:59.123456789+02:00", "2026-06-30T21:59:59.123Z"],
    ["2026-12-30T00:00:00-23:59", "2026-12-30T23:59:00.000Z"],
    ["1999-12-31T23:59:60Z", null],
    ["2026-03-01", null],
    ["2026-03-01T09:30Z", null],
    ["2026-03-01T09:30:00+99:99", null],
    ["2026-03-01T09:60:00Z", null],
    ["0", null],
    ["", null],
    ["2026-03-01T09:30:00Z ", null],
  ])("%p is read as %p", (text, expected) => {
    if (expected === null) expect(paths({ run_at: text })).toEqual(["/run_at"]);
    else expect(runAt(text)).toBe(expected);
  });

  test("may lie in the past, but only in times that every part of the way can hold", () => {
    expect(runAt("1970-01-01T00:00:00Z")).toBe("1970-01-01T00:00:00.000Z");
    // PostgreSQL has no year 0, and would fail the whole group commit over it.
    for (const text of ["0000-01-01T00:00:00Z", "0001-01-01T00:00:00+01:00", "1969-12-31T23:59:59Z"])
      expect({ text, paths: paths({ run_at: text }) }).toEqual({ text, paths: ["/run_at"] });
  });

  test("may lie 366 days ahead and not a millisecond more", () => {
    const at = (ms: number) => new Date(ms).toISOString();
    const last = NOW_MS + 366 * 86_400_000;
    expect([paths({ run_at: at(last) }), paths({ run_at: at(last + 1) })]).toEqual([[], ["/run_at"]]);
  });

  test("does not stand beside delay, which counts from now", () => {
    expect(task({ delay: 90.5 }).run_at).toBe(new Date(NOW_MS + 90_500).toISOString());
    expect(paths({ delay: 0, run_at: "2026-03-02T00:00:00Z" })).toEqual(["/delay"]);
  });
});

test("a back-off that starts above its end is refused, and one that names only its start is not", () => {
  expect(paths({ backoff: { initial_ms: 2, max_ms: 1 } })).toEqual(["/backoff/max_ms"]);
  expect(task({ backoff: { initial_ms: 90_000 } }).backoff).toMatchObject({
    initial_ms: 90_000,
    max_ms: 90_000,
  });
});

describe("a payload", () => {
  const nested = (depth: number): Json => (depth === 0 ? 1 : { deeper: nested(depth - 1) });

  test("may be nested to its bound and no deeper", () => {
    expect([
      paths({ payload: nested(JSON_DEPTH_MAX) }),
      paths({ payload: nested(JSON_DEPTH_MAX + 1) }),
    ]).toEqual([[], ["/payload"]]);
    expect([isDeeperThan([[]], 2), isDeeperThan([[]], 1), isDeeperThan(1, 0)]).toEqual([false, true, false]);
  });

  test("may have so many bytes as JSON and no more, not characters", () => {
    const text = (bytes: number) => "é".repeat((bytes - 2) / 2);
    const large = { requestBytes: PAYLOAD_BYTES_MAX + 1_000 };
    expect(read({ payload: text(PAYLOAD_BYTES_MAX) }, large).ok).toBe(true);
    expect(read({ payload: text(PAYLOAD_BYTES_MAX + 2) }, large)).toMatchObject({
      ok: false,
      code: "PAYLOAD_TOO_LARGE",
      errors: [{ path: "/payload" }],
    });
  });

  test("of a built-in type is checked, of any other type it is not", () => {
    expect(paths({ task_type: "simulate", payload: { failure_rate: 2, wait: 1 } })).toEqual([
      "/payload/wait",
      "/payload/failure_rate",
    ]);
    expect(paths({ payload: { failure_rate: 2 } })).toEqual([]);
  });
});

test("everything that is wrong is told at once", () => {
  const wish = { lane: "short", timeout: 61, run_at: "soon", delay: 1, dependencies: ["a", "a"] } as const;
  expect([...paths({ ...wish, dependencies: ["a", "a"] })].sort()).toEqual([
    "/delay",
    "/dependencies/1",
    "/run_at",
    "/timeout",
  ]);
});
