import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { claimAttempts, settleAttempts } from "@millrace/store";
import { startTaskApi, type TaskApi } from "../../../support/task-api.ts";
import { completion, death } from "../../../support/task-store.ts";

let api: TaskApi;
beforeAll(async () => {
  api = await startTaskApi();
});
afterAll(() => api.close());

/** Submits a task; its internal id. */
async function submit(task_id: string, more: object = {}): Promise<number> {
  const { status } = await api.user.call("POST", "/api/tasks", {
    task_id,
    task_type: "nobodys.own",
    ...more,
  });
  if (status !== 201) throw new Error(`${task_id}: ${status}`);
  return (
    api.bus.of(task_id)[0]?.dispatch.seq ??
    Number((await api.sql`select seq from task_keys where task_id = ${task_id}`)[0]?.seq)
  );
}

async function claim(seq: number, attempt = 1): Promise<void> {
  const [answer] = await claimAttempts(api.sql, "w~1", [{ seq, attempt }]);
  if (answer?.kind !== "claimed") throw new Error(`the claim is ${answer?.kind}`);
}

async function end(seq: number, how: typeof completion | typeof death, attempt = 1): Promise<void> {
  await claim(seq, attempt);
  await settleAttempts(api.sql, "w~1", [how(seq, attempt)]);
}

const cancel = (id: string) => api.user.call("POST", `/api/tasks/${id}/cancel`);
const retry = (id: string) => api.user.call("POST", `/api/tasks/${id}/retry`);

describe("cancel", () => {
  test("ends a task that waits, and tells whoever follows it", async () => {
    const seq = await submit("c-waits");
    const { status, body } = await cancel("c-waits");
    expect(status).toBe(200);
    expect(body).toMatchObject({ status: "cancelled", phase: "cancelled", error: { code: "CANCELLED" } });
    expect(api.bus.cancelled).toEqual([]);
    expect(api.bus.told).toContainEqual(
      expect.objectContaining({ seq, task_id: "c-waits", status: "cancelled", phase: "cancelled" }),
    );
  });

  test("ends a task that runs, and tells its worker which attempt to stop", async () => {
    const seq = await submit("c-runs");
    await claim(seq);
    expect((await cancel("c-runs")).body).toMatchObject({ status: "cancelled", worker_id: "w" });
    expect(api.bus.cancelled).toEqual([{ seq, task_id: "c-runs", attempt: 1, session: "w~1" }]);
    expect(await settleAttempts(api.sql, "w~1", [completion(seq)])).toEqual([{ kind: "refused" }]);
  });

  test("of what is cancelled changes nothing and tells nobody", async () => {
    await submit("c-twice");
    const first = await cancel("c-twice");
    const told = api.bus.told.length;
    const second = await cancel("c-twice");
    expect([second.status, second.body]).toEqual([200, first.body]);
    expect(api.bus.told).toHaveLength(told);
  });

  test("of what has completed or failed is refused", async () => {
    await end(await submit("c-done"), completion);
    await end(await submit("c-dead"), death);
    for (const id of ["c-done", "c-dead"]) {
      const { status, body } = await cancel(id);
      expect({ id, status, code: body.code }).toEqual({ id, status: 409, code: "TASK_STATE_CONFLICT" });
    }
  });

  test("by ten at once is told to the worker once", async () => {
    const seq = await submit("c-ten");
    await claim(seq);
    const before = api.bus.cancelled.length;
    const answers = await Promise.all(Array.from({ length: 10 }, () => cancel("c-ten")));
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
    expect(api.bus.cancelled).toHaveLength(before + 1);
  });
});

describe("retry", () => {
  test("brings a failed task back with its next attempt number and a fresh count of failures", async () => {
    const seq = await submit("r-dead", { payload: { a: 1 } });
    await end(seq, death);
    const { status, body } = await retry("r-dead");
    expect([status, body.phase, body.attempts]).toEqual([200, "queued", 1]);
    expect(api.bus.of("r-dead").at(-1)).toMatchObject({
      dispatch: { seq, attempt: 2, failures: 0, payload: { a: 1 } },
    });
    expect((await api.user.call("GET", "/api/dlq/r-dead")).status).toBe(404);
  });

  test("brings a cancelled one back, also one that never ran and was due much later", async () => {
    await submit("r-cancelled", { delay: 7_200 });
    await cancel("r-cancelled");
    const { status, body } = await retry("r-cancelled");
    expect([status, body.phase]).toEqual([200, "queued"]);
    expect(api.bus.of("r-cancelled")).toHaveLength(1);
  });

  test("of what is open or completed is refused, and publishes nothing", async () => {
    await submit("r-open");
    await end(await submit("r-done"), completion);
    for (const id of ["r-open", "r-done"]) {
      const { status, body } = await retry(id);
      expect({ id, status, code: body.code }).toEqual({ id, status: 409, code: "TASK_STATE_CONFLICT" });
      expect(api.bus.of(id)).toHaveLength(1);
    }
  });

  test("by ten at once brings it back once", async () => {
    await end(await submit("r-ten"), death);
    const answers = await Promise.all(Array.from({ length: 10 }, () => retry("r-ten")));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(api.bus.of("r-ten")).toHaveLength(2);
  });

  test("while NATS is down leaves the message to the scheduler", async () => {
    await end(await submit("r-no-nats"), death);
    api.bus.isDown = true;
    const { status } = await retry("r-no-nats");
    api.bus.isDown = false;
    expect(status).toBe(200);
  });
});

test.each(["cancel", "retry"])(
  "%s of another user's task, or of none, is NOT_FOUND and changes nothing",
  async (step) => {
    await submit(`foreign-${step}`);
    for (const id of [`foreign-${step}`, "nobody", "a%2Fb", "%F0%9F%92%A9", "x".repeat(2_000)]) {
      const { status, body } = await api.stranger.call("POST", `/api/tasks/${id}/${step}`);
      expect({ id, status, code: body.code }).toEqual({ id, status: 404, code: "NOT_FOUND" });
    }
    expect((await api.user.call("GET", `/api/tasks/foreign-${step}`)).body.phase).toBe("queued");
    expect((await api.operator.call("GET", `/api/tasks/foreign-${step}`)).status).toBe(200);
  },
);

describe("progress", () => {
  test("is shown of the running attempt, alone and in the list, and of nothing else", async () => {
    const runs = await submit("p-runs", { priority: 1 });
    const silent = await submit("p-silent", { priority: 1 });
    const late = await submit("p-late", { priority: 1 });
    for (const seq of [runs, silent, late]) await claim(seq);
    await submit("p-waits", { priority: 1 });
    await end(await submit("p-done", { priority: 1 }), completion);
    api.live.progress.set(runs, { attempt: 1, progress: 0.4 });
    api.live.progress.set(late, { attempt: 7, progress: 0.9 });
    const expected = { "p-runs": 0.4, "p-silent": null, "p-late": null, "p-waits": null, "p-done": 1 };
    const { body } = await api.user.call("GET", "/api/tasks?priority=1");
    const listed = body.items as readonly { task_id: string; progress: number | null }[];
    expect(Object.fromEntries(listed.map(({ task_id, progress }) => [task_id, progress]))).toEqual(expected);
    for (const [id, progress] of Object.entries(expected))
      expect((await api.user.call("GET", `/api/tasks/${id}`)).body).toMatchObject({ task_id: id, progress });
  });

  test("is shown of an attempt whose number is not the count of the attempts", async () => {
    const seq = await submit("p-number");
    await cancel("p-number"); // It takes the number 1, and was no attempt.
    await retry("p-number");
    await claim(seq, 2);
    api.live.progress.set(seq, { attempt: 2, progress: 0.5 });
    const { body } = await api.user.call("GET", "/api/tasks/p-number");
    expect([body.phase, body.attempts, body.progress]).toEqual(["running", 1, 0.5]);
  });
});
