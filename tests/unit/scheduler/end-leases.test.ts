import { afterEach, beforeEach, expect, test } from "bun:test";
import type { WorkerBeat } from "@millrace/protocol";
import { endLeases } from "@millrace/scheduler/end-leases";
import { extendLease, findTask, listAttempts, type RemoteWorker, settleAttempts } from "@millrace/store";
import { lease, register } from "../../support/remote-workers.ts";
import { type SchedulerUnderTest, startScheduler } from "../../support/scheduler.ts";
import { completion, submitOne } from "../../support/task-store.ts";

let it: SchedulerUnderTest;
let worker: RemoteWorker;
beforeEach(async () => {
  it = await startScheduler();
  worker = await register(it.store.sql);
});
afterEach(() => it.close());

const render = { task_type: "render", lane: "long", task_id: "t", timeout_s: 300 } as const;

function beatOfLease({ workerId, session }: RemoteWorker): WorkerBeat {
  return {
    ...{ worker_id: workerId, session: session.slice(session.lastIndexOf("~") + 1), status: "active" },
    ...{ capabilities: ["render"], max_concurrent_tasks: 5, current_tasks: [], heartbeat_interval: 30 },
    ...{ started_at: "2026-01-15T12:00:00Z", last_heartbeat_at: "2026-01-15T12:00:00Z", owner_id: 1 },
    system_info: { cpu_usage: null, memory_usage: null, disk_usage: null },
  };
}

/** Moves the lease of the task back in time. */
async function age(seq: number, seconds: number): Promise<void> {
  await it.store.sql`
    update open_tasks set lease_until = lease_until - make_interval(secs => ${seconds}),
      lease_deadline = lease_deadline - make_interval(secs => ${seconds}) where seq = ${seq}`;
}

test("a lease that ran out is lost, no failure, and the task can be leased again at once", async () => {
  const seq = await submitOne(it.store.sql, render);
  await lease(it.store.sql, worker);
  await endLeases(it.ports);
  expect(await findTask(it.store.sql, "t")).toMatchObject({ phase: "running" });
  await age(seq, 29);
  await endLeases(it.ports);
  expect(await findTask(it.store.sql, "t")).toMatchObject({ phase: "running" });
  await age(seq, 1);
  await endLeases(it.ports);
  expect(await listAttempts(it.store.sql, seq)).toMatchObject([
    { attempt: 1, status: "lost", workerId: worker.workerId, error: { code: "LEASE_EXPIRED" } },
  ]);
  expect(await settleAttempts(it.store.sql, worker.session, [completion(seq)])).toEqual([
    { kind: "refused" },
  ]);
  expect((await lease(it.store.sql, worker)).tasks).toMatchObject([{ seq, attempt: 2 }]);
});

test("an extended lease holds, but not beyond the task's own time-out, which is a failure", async () => {
  const seq = await submitOne(it.store.sql, { ...render, timeout_s: 40, max_attempts: 2 });
  await lease(it.store.sql, worker);
  const held = { seq, attempt: 1, session: worker.session };
  await age(seq, 25);
  expect(await extendLease(it.store.sql, held, 30)).not.toBeNull();
  await endLeases(it.ports);
  expect(await findTask(it.store.sql, "t")).toMatchObject({ phase: "running" });
  await age(seq, 15); // Forty seconds since the start.
  await endLeases(it.ports, () => 0.5);
  expect(await findTask(it.store.sql, "t")).toMatchObject({
    ...{ status: "pending", attempts: 1, error: { code: "TIMEOUT", message: "it ran longer than 40 s" } },
  });
  expect(await extendLease(it.store.sql, held, 30)).toBeNull();
});

test("the last time-out buries", async () => {
  const seq = await submitOne(it.store.sql, { ...render, timeout_s: 20, max_attempts: 1 });
  await lease(it.store.sql, worker);
  await age(seq, 20);
  await endLeases(it.ports);
  expect(await findTask(it.store.sql, "t")).toMatchObject({ phase: "dead", error: { code: "TIMEOUT" } });
});

/** Leases the task and lets the lease run out, as often. */
async function loseLease(seq: number, times: number): Promise<void> {
  for (let time = 0; time < times; time++) {
    expect((await lease(it.store.sql, worker)).tasks).toMatchObject([{ seq }]);
    await age(seq, 31);
    await endLeases(it.ports);
  }
}

const isAlone = async (seq: number): Promise<unknown> =>
  (await it.store.sql`select is_alone from open_tasks where seq = ${seq}`)[0]?.is_alone;

test("leases that run out because their workers fell silent are deaths: the task is to run alone, then it is dead", async () => {
  const seq = await submitOne(it.store.sql, render);
  await loseLease(seq, 2);
  expect(await isAlone(seq)).toBe(true);
  await loseLease(seq, 1);
  expect(await findTask(it.store.sql, "t")).toMatchObject({ phase: "dead", error: { code: "QUARANTINED" } });
});

test("a worker that beats on and forgets its task did not die of it", async () => {
  const seq = await submitOne(it.store.sql, render);
  it.ports.registry.hear(beatOfLease(worker));
  await loseLease(seq, 4);
  expect(await isAlone(seq)).toBe(false);
  it.advance(60_000); // Silent by now.
  await loseLease(seq, 1);
  expect(await isAlone(seq)).toBe(false);
});
