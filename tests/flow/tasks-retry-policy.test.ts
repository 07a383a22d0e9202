import { afterAll, beforeAll, expect, test } from "bun:test";
import { type FakeExternalApi, startFakeExternalApi } from "../support/fake-external-api.ts";
import { onSharedPostgres } from "../support/on-shared-postgres.ts";
import { startTaskStack, type TaskStack } from "../support/task-stack.ts";

let stack: TaskStack;
let external: FakeExternalApi;
beforeAll(async () => {
  [stack, external] = await Promise.all([startTaskStack(await onSharedPostgres()), startFakeExternalApi()]);
}, 90_000);
afterAll(async () => {
  await stack?.close();
  await external?.stop();
});

interface Attempt {
  readonly status: string;
  readonly started_at: string;
  readonly retry_at: string | null;
  readonly error: { readonly code: string; readonly message: string } | null;
}

const QUICK = { initial_ms: 10, jitter: false };

/** Runs a call of an external API to its end: one of its own, whose breaker has not seen the failures of others. */
async function call(taskId: string, query: string, more: Record<string, unknown> = {}) {
  const own = await startFakeExternalApi();
  const payload = { url: `${own.url}/?${query}` };
  await stack.submit({ task_id: taskId, task_type: "http.request", backoff: QUICK, payload, ...more });
  const task = await stack.untilEnded(taskId, 20_000);
  await own.stop();
  const attempts: readonly Attempt[] = (await stack.call("GET", `/api/tasks/${taskId}/attempts`)).body.items;
  return { task, attempts, calls: own.calls.get(taskId) ?? 0 };
}

const letterOf = async (taskId: string) => (await stack.call("GET", `/api/dlq/${taskId}`)).status;

/**
 * How long after its start each failed attempt set the next one, in ms; and no attempt started before it was set to.
 * Only lower bounds hold on any machine.
 */
function waits(attempts: readonly Attempt[]): readonly number[] {
  return attempts.slice(1).map((next, index) => {
    const { started_at: startedAt, retry_at: retryAt } = attempts[index] ?? next;
    expect(Date.parse(next.started_at)).toBeGreaterThanOrEqual(Date.parse(retryAt ?? ""));
    return Date.parse(retryAt ?? "") - Date.parse(startedAt);
  });
}

test("503, 503, 200 is three attempts that wait for the back-off, the second time twice as long", async () => {
  const { task, attempts, calls } = await call("backed-off", "status=503,503,200", {
    backoff: { initial_ms: 100, factor: 2, jitter: false },
  });
  expect(task).toMatchObject({ status: "completed", attempts: 3, result: { status: 200 } });
  expect(calls).toBe(3);
  const [first, second] = waits(attempts);
  expect(first).toBeGreaterThanOrEqual(100);
  expect(second).toBeGreaterThanOrEqual(200);
});

test("the back-off grows no further than max_ms, and full jitter stays below it", async () => {
  const flat = await call("flat", "status=500,500,500,200", {
    ...{ max_attempts: 4, backoff: { initial_ms: 50, factor: 10, max_ms: 50, jitter: false } },
  });
  expect(flat.task.status).toBe("completed");
  for (const waitMs of waits(flat.attempts)) expect(waitMs).toBeGreaterThanOrEqual(50);
  const rows = await stack.sql<{ ms: number }[]>`
    select (extract(epoch from o.retry_at - o.ended_at) * 1000)::float8 as ms
    from outcomes o join tasks t using (seq) where t.task_id = 'flat' and o.kind = 'failed'`;
  expect(rows).toHaveLength(3);
  for (const { ms } of rows) expect(ms).toBeLessThanOrEqual(50);

  await stack.submitAll(
    Array.from({ length: 40 }, (_, index) => ({
      ...{ task_id: `jitter-${index}`, task_type: "simulate", max_attempts: 2 },
      ...{ backoff: { initial_ms: 200, jitter: true }, payload: { failure_rate: 1, duration_ms: 0 } },
    })),
  );
  await stack.untilNoneOpen("jitter-", 15_000);
  const delays = (
    await stack.sql<{ ms: number }[]>`
      select (extract(epoch from o.retry_at - o.ended_at) * 1000)::float8 as ms
      from outcomes o join tasks t using (seq) where t.task_id like 'jitter-%' and o.kind = 'failed'`
  ).map(({ ms }) => Math.round(ms));
  expect(delays).toHaveLength(40);
  expect(Math.max(...delays)).toBeLessThanOrEqual(200);
  // Forty dice that show the same few faces are no dice.
  expect(new Set(delays).size).toBeGreaterThan(5);
});

test("Retry-After takes the place of the back-off, in seconds and as a date; one that asks for no wait does not", async () => {
  const wishes = await Promise.all([
    call("retry-after-503", "status=503,200&retry_after=1"),
    call("retry-after-429", "status=429,200&retry_after=1"),
    call("retry-after-zero", "status=503,200&retry_after=0", {
      backoff: { initial_ms: 60, jitter: false },
    }),
    call("retry-after-nonsense", "status=503,200&retry_after=soon", {
      backoff: { initial_ms: 60, jitter: false },
    }),
    call(
      "retry-after-date",
      `status=503,200&retry_after=${encodeURIComponent(new Date(Date.now() + 4_000).toUTCString())}`,
    ),
  ]);
  for (const { task } of wishes) expect(task).toMatchObject({ status: "completed", attempts: 2 });
  const [seconds, limited, zero, nonsense, date] = wishes.map(
    ({ attempts }) => waits(attempts)[0] ?? Number.NaN,
  );
  expect(seconds).toBeGreaterThanOrEqual(1_000);
  expect(limited).toBeGreaterThanOrEqual(1_000);
  expect(zero).toBeGreaterThanOrEqual(60);
  expect(nonsense).toBeGreaterThanOrEqual(60);
  expect(date).toBeGreaterThanOrEqual(1_000);
});

test("what no further attempt can heal fails at once, and is a dead letter", async () => {
  for (const status of [400, 401, 403, 404, 409, 410, 422, 300]) {
    const { task, calls } = await call(`final-${status}`, `status=${status}`, { max_attempts: 5 });
    expect(task).toMatchObject({
      status: "failed",
      phase: "dead",
      attempts: 1,
      error: { code: `HTTP_STATUS_${status}` },
    });
    expect([status, calls, await letterOf(`final-${status}`)]).toEqual([status, 1, 200]);
  }
});

test("what may pass is tried as often as the task says, and then is a dead letter", async () => {
  for (const status of [408, 425, 429, 500, 502, 504]) {
    const { task, attempts, calls } = await call(`passing-${status}`, `status=${status}`, {
      max_attempts: 2,
    });
    expect(task).toMatchObject({
      status: "failed",
      phase: "dead",
      attempts: 2,
      error: { code: `HTTP_STATUS_${status}` },
    });
    expect([calls, attempts.map((attempt) => attempt.status)]).toEqual([2, ["failed", "dead"]]);
    expect(await letterOf(`passing-${status}`)).toBe(200);
  }
});

test("a connection that is cut, or refused, is tried again; every call carries the task's id as its idempotency key", async () => {
  external.behave("cut-then-fine", "mode=cut");
  await stack.submit({
    ...{
      task_id: "cut-then-fine",
      task_type: "http.request",
      max_attempts: 20,
      backoff: { initial_ms: 50, jitter: false, factor: 1 },
    },
    payload: { url: external.url },
  });
  await external.waitForCall("cut-then-fine");
  external.behave("cut-then-fine", "status=200");
  const task = await stack.untilEnded("cut-then-fine");
  expect(task.status).toBe("completed");
  expect(external.successes.get("cut-then-fine")).toBe(1);
  expect(external.calls.get("")).toBeUndefined();

  const { task: refused } = await call("nobody-listens", "", {
    max_attempts: 2,
    payload: { url: "http://127.0.0.1:1/" },
  });
  expect(refused).toMatchObject({ status: "failed", attempts: 2 });
});

test("max_attempts 1 means one, whatever the failure", async () => {
  const { task, attempts, calls } = await call("only-one", "status=503", { max_attempts: 1 });
  expect(task).toMatchObject({ status: "failed", attempts: 1, max_attempts: 1 });
  expect([calls, attempts.map((attempt) => attempt.status)]).toEqual([1, ["dead"]]);
});

test("expect_status makes a success of what the task expects, and a failure of what it does not", async () => {
  const expected = await call("expected", "", {
    payload: { url: `${external.url}/?status=404`, expect_status: [404, "200-299"] },
  });
  expect(expected.task).toMatchObject({ status: "completed", result: { status: 404 } });
  const unexpected = await call("unexpected", "", {
    payload: { url: `${external.url}/?status=200`, expect_status: [201] },
  });
  expect(unexpected.task).toMatchObject({
    status: "failed",
    attempts: 1,
    error: { code: "HTTP_STATUS_200" },
  });
});

test("private and link-local targets are refused without a call and without a retry, by a redirect too", async () => {
  const targets = [
    "http://169.254.169.254/latest/meta-data/",
    "http://10.0.0.1/",
    "http://192.168.1.1/",
    "http://172.16.0.1/",
    "http://[fd00::1]/",
    "http://[fe80::1]/",
    "http://[::ffff:10.0.0.1]/",
    "http://0xa9fea9fe/",
    "http://2852039166/",
    "http://100.64.0.1/",
    `${external.url}/?status=302&location=${encodeURIComponent("http://169.254.169.254/latest/meta-data/")}`,
  ];
  for (const [index, url] of targets.entries()) {
    const { task } = await call(`forbidden-${index}`, "", { payload: { url }, max_attempts: 5 });
    expect({ url, status: task.status, attempts: task.attempts, code: task.error.code }).toEqual({
      ...{ url, status: "failed", attempts: 1, code: "TARGET_FORBIDDEN" },
    });
  }
});

test("a body without end, and an answer that never comes, cost no more than their bounds", async () => {
  const endless = await call("endless", "mode=endless");
  expect(endless.task).toMatchObject({ status: "completed", result: { status: 200, body_truncated: true } });
  const hanging = await call("hanging", "mode=hang", { timeout: 1, max_attempts: 1 });
  expect(hanging.task).toMatchObject({ status: "failed", error: { code: "TIMEOUT" } });
});
