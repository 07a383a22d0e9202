import { afterAll, beforeAll, expect, test } from "bun:test";
import { type AlertStack, startAlertStack } from "../support/alert-stack.ts";
import { startSecondScheduler } from "../support/second-scheduler.ts";

const DEADLINE_MS = 150_000;

let stack: AlertStack;
beforeAll(async () => {
  stack = await startAlertStack(
    [
      ...["dead_letters_rising.threshold=3", "dead_letters_rising.resolve=3"],
      ...["error_rate.for=1", "error_rate.clear=1"],
      ...["queue_age.threshold=1", "queue_age.for=1", "queue_age.clear=1"],
      ...["recorder_lag.threshold=2", "recorder_lag.for=1", "recorder_lag.clear=1", "breaker_open.clear=1"],
    ],
    { HEARTBEAT_INTERVAL: "1", MAX_WORKERS: "4", LONG_SLOTS: "1" },
  );
  await startSecondScheduler(stack, stack.alertEnv);
}, 120_000);
afterAll(() => stack?.close());

const simulate = (taskId: string, failureRate: number, more: object = {}) => ({
  ...{ task_id: taskId, task_type: "simulate", max_attempts: 1 },
  ...{ payload: { duration_ms: 0, failure_rate: failureRate } },
  ...more,
});
const range = (prefix: string, count: number, failureRate: number) =>
  Array.from({ length: count }, (_, index) => simulate(`${prefix}-${index}`, failureRate));

/** Two schedulers watch, and people hear of each change once. */
function expectToldOnce(id: string): void {
  expect({ id, fired: stack.told(id, "firing"), resolved: stack.told(id, "resolved") }).toEqual({
    ...{ id, fired: 1, resolved: 1 },
  });
}

test(
  "tasks that fail for good, and many of them, raise two alerts; success clears the share of failures",
  async () => {
    // In waves: what a worker has counted when a scheduler first hears of it happened before.
    const firing = Promise.all(
      ["dead_letters_rising", "error_rate"].map((id) => stack.untilAlert(id, "firing")),
    );
    let hasFired = false;
    void firing.then(() => (hasFired = true));
    let failed = 0;
    for (; !hasFired && failed < 1_000; failed += 20) {
      await stack.submitAll(range(`fails-${failed}`, 20, 1));
      await Promise.race([firing, Bun.sleep(1_000)]);
    }
    await firing;
    await stack.submitAll(range("succeeds", 4 * failed, 0));
    await stack.untilAlert("error_rate", "resolved");
    expectToldOnce("error_rate");
    expect(stack.told("dead_letters_rising", "firing")).toBe(1);
  },
  DEADLINE_MS,
);

test(
  "a task that waits for a slot for too long raises the alert of its lane, and its start clears it",
  async () => {
    const payload = { duration_ms: 25_000, failure_rate: 0 };
    await stack.submitAll([
      simulate("first", 0, { lane: "long", payload, priority: 9 }),
      simulate("second", 0, { lane: "long", payload, priority: 1 }),
    ]);
    await stack.untilAlert("queue_age:long", "firing");
    await stack.untilAlert("queue_age:long", "resolved");
    expectToldOnce("queue_age:long");
  },
  DEADLINE_MS,
);

test(
  "a worker that stands still is told of, and its return is",
  async () => {
    const pid = await stack.pidOf("worker");
    const [worker] = (await stack.call("GET", "/api/workers")).body.items;
    const id = `worker_dead:${worker.worker_id}`;
    process.kill(pid, "SIGSTOP");
    try {
      await stack.untilAlert(id, "firing");
      await stack.untilAlert("part_down:worker", "firing");
    } finally {
      process.kill(pid, "SIGCONT");
    }
    await stack.untilAlert(id, "resolved");
    await stack.untilAlert("part_down:worker", "resolved");
    expectToldOnce(id);
  },
  DEADLINE_MS,
);

test(
  "events that cannot be stored raise the alert of the recorder, and are stored when they can",
  async () => {
    const { promise: released, resolve: release } = Promise.withResolvers<void>();
    const { promise: held, resolve: hold } = Promise.withResolvers<void>();
    const locked = stack.sql.begin(async (transaction) => {
      await transaction`lock table events in access exclusive mode`;
      hold();
      await released;
    });
    await held;
    try {
      await stack.call("POST", "/api/events", { type: "alerts.test", message: "waits" });
      await stack.untilAlert("recorder_lag", "firing");
    } finally {
      release();
      await locked;
    }
    await stack.untilAlert("recorder_lag", "resolved");
    expectToldOnce("recorder_lag");
  },
  DEADLINE_MS,
);

test(
  "a breaker that is opened raises its alert, and one that is closed clears it",
  async () => {
    const origin = "http://breaker.example.test";
    const path = `/api/breakers/${encodeURIComponent(origin)}`;
    const opened = await stack.call("POST", `${path}/open`, { reason: "a test" });
    expect(opened.status).toBe(200);
    await stack.untilAlert(`breaker_open:${origin}`, "firing");
    expect((await stack.call("POST", `${path}/close`, {})).status).toBe(200);
    await stack.untilAlert(`breaker_open:${origin}`, "resolved");
    expectToldOnce(`breaker_open:${origin}`);
  },
  DEADLINE_MS,
);

test("the dashboard's numbers have the alerts that fire", async () => {
  const { body } = await stack.call("GET", "/api/stats");
  expect(body.alerts).toContainEqual(
    expect.objectContaining({ id: "dead_letters_rising", state: "firing", severity: "warning" }),
  );
});
