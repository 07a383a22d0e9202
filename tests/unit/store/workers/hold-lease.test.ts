import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import {
  cancelTask,
  extendLease,
  findHeldTask,
  findLeaseEnd,
  findTimedOutLeases,
  hasExpiredLeases,
  type RemoteWorker,
  settleAttempts,
} from "@millrace/store";
import { lease, register } from "../../../support/remote-workers.ts";
import { completion, openTaskStore, submitOne, type TaskStore } from "../../../support/task-store.ts";

let store: TaskStore;
let worker: RemoteWorker;
beforeAll(async () => {
  store = await openTaskStore();
}, 60_000);
afterAll(() => store?.close());
beforeEach(async () => {
  await store.sql`truncate tasks, open_tasks, outcomes, task_keys, remote_workers, task_routes`;
  worker = await register(store.sql);
});

async function leased(timeout_s = 600) {
  const seq = await submitOne(store.sql, { task_type: "render", lane: "long", timeout_s, payload: { n: 1 } });
  await lease(store.sql, worker);
  return { seq, attempt: 1, session: worker.session };
}
const inS = (until: Date | null) => ((until?.getTime() ?? 0) - Date.now()) / 1_000;
/** As if so much time had gone by for the lease. */
const pass = (seconds: number) => store.sql`
  update open_tasks set lease_until = lease_until - ${seconds} * interval '1 second',
    lease_deadline = lease_deadline - ${seconds} * interval '1 second'`;

describe("a lease", () => {
  test("is extended from now on, and never beyond its task's time-out", async () => {
    const held = await leased(600);
    expect(inS(await extendLease(store.sql, held, 300))).toBeGreaterThan(250);
    expect(inS(await extendLease(store.sql, held, 9_000))).toBeLessThanOrEqual(600);
  });

  test("is not extended by another attempt, another life, or when its task has ended", async () => {
    const held = await leased();
    expect(await extendLease(store.sql, { ...held, attempt: 2 }, 30)).toBeNull();
    expect(await extendLease(store.sql, { ...held, session: "render~other" }, 30)).toBeNull();
    await cancelTask(store.sql, held.seq, "test");
    expect(await extendLease(store.sql, held, 30)).toBeNull();
  });

  test("that holds shows its task, and one that does not shows none", async () => {
    const held = await leased();
    expect(await findHeldTask(store.sql, held)).toMatchObject({
      task_type: "render",
      payload: { n: 1 },
      failures: 0,
    });
    expect(await findHeldTask(store.sql, { ...held, session: "render~other" })).toBeNull();
    expect(await findHeldTask(store.sql, { ...held, seq: held.seq + 1 })).toBeNull();
  });

  test("tells how it ended, once it has, to whoever had it", async () => {
    const held = await leased();
    expect(await findLeaseEnd(store.sql, held)).toBeNull();
    await settleAttempts(store.sql, worker.session, [completion(held.seq)]);
    expect(await findLeaseEnd(store.sql, held)).toEqual({
      kind: "completed",
      retryAt: null,
      errorCode: null,
    });
    expect(await findLeaseEnd(store.sql, { ...held, session: "render~other" })).toBeNull();
  });
});

describe("leases that are over", () => {
  test("are none while they hold", async () => {
    await leased();
    expect([await hasExpiredLeases(store.sql), await findTimedOutLeases(store.sql)]).toEqual([false, []]);
  });

  test("have timed out when their task's time is up, and come with its policy", async () => {
    const { seq } = await leased(20);
    await pass(21);
    expect(await hasExpiredLeases(store.sql)).toBeTrue();
    expect(await findTimedOutLeases(store.sql)).toMatchObject([
      { seq, attempt: 1, session: worker.session, failures: 0, timeoutS: 20, maxAttempts: 3 },
    ]);
  });

  test("have not timed out when only their worker said nothing: those are lost, which is no failure", async () => {
    await leased(600);
    await pass(31);
    expect([await hasExpiredLeases(store.sql), await findTimedOutLeases(store.sql)]).toEqual([true, []]);
  });
});
