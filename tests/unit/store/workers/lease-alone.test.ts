import { afterEach, beforeEach, expect, test } from "bun:test";
import { LEASE_ALONE_HELD_S } from "@millrace/core/limits";
import { findTask, listAttempts, loseClaims, type RemoteWorker, settleAttempts } from "@millrace/store";
import { lease, register } from "../../../support/remote-workers.ts";
import {
  completion,
  newTask,
  openTaskStore,
  submitMany,
  submitOne,
  type TaskStore,
} from "../../../support/task-store.ts";

let store: TaskStore;
beforeEach(async () => {
  store = await openTaskStore(8);
  await register(store.sql); // From now on the type is leased.
}, 60_000);
afterEach(() => store.close());

const render = { task_type: "render", lane: "long" } as const;

async function idsOf(worker: RemoteWorker): Promise<readonly string[]> {
  return (await lease(store.sql, worker)).tasks.map((task) => task.taskId);
}

/** A task that two workers over HTTP died with. */
async function submitDeadly(task_id: string): Promise<number> {
  const seq = await submitOne(store.sql, { ...render, task_id });
  for (let death = 0; death < 2; death++) {
    const worker = await register(store.sql);
    expect(await idsOf(worker)).toEqual([task_id]);
    await loseClaims(store.sql, worker.session);
  }
  return seq;
}

test("what two workers died with is leased to a worker without other tasks, which then gets no other", async () => {
  const seq = await submitDeadly("deadly");
  await submitMany(store.sql, [
    newTask({ ...render, task_id: "a", priority: 10 }),
    newTask({ ...render, task_id: "b" }),
  ]);
  const worker = await register(store.sql);
  expect(await lease(store.sql, worker)).toMatchObject({ free: 1, tasks: [{ taskId: "deadly" }] });
  expect(await lease(store.sql, worker)).toMatchObject({ isCurrent: true, free: 0, tasks: [] });
  expect(await idsOf(await register(store.sql))).toEqual(["a", "b"]);
  await settleAttempts(store.sql, worker.session, [completion(seq, 3)]);
  expect(await findTask(store.sql, "deadly")).toMatchObject({ phase: "done", attempts: 3 });
});

test("a worker that is busy is given nothing more until it can have it; others go on", async () => {
  await submitOne(store.sql, { ...render, task_id: "before" });
  const [busy, other] = [await register(store.sql), await register(store.sql)];
  expect(await idsOf(busy)).toEqual(["before"]);
  await submitDeadly("deadly");
  const seq = (await findTask(store.sql, "before"))?.seq ?? 0;
  const others = await submitMany(store.sql, [newTask({ ...render, task_id: "a" })]);
  await store.sql`update open_tasks set claimed_by = ${other.session} where seq = any(${[...others]}::bigint[])`;
  await submitOne(store.sql, { ...render, task_id: "b" });

  expect(await lease(store.sql, busy)).toMatchObject({ isCurrent: true, free: 0, tasks: [] });
  expect(await idsOf(other)).toEqual(["b"]);
  await settleAttempts(store.sql, busy.session, [completion(seq)]);
  expect(await idsOf(busy)).toEqual(["deadly"]);
});

test("who was to have it and asks no more loses it to another busy worker after a while", async () => {
  const workers = [await register(store.sql), await register(store.sql)];
  for (const worker of workers) {
    await submitOne(store.sql, { ...render, task_id: `with ${worker.workerId}` });
    expect(await idsOf(worker)).toEqual([`with ${worker.workerId}`]);
  }
  const seq = await submitDeadly("deadly");
  const frees = async () =>
    await Promise.all(workers.map(async (worker) => (await lease(store.sql, worker)).free));
  const held = await frees();
  expect(held.toSorted()).toEqual([0, 4]);
  await store.sql`
    update open_tasks set alone_until = alone_until - make_interval(secs => ${LEASE_ALONE_HELD_S}) where seq = ${seq}`;
  const second = workers[held.indexOf(4)];
  if (second === undefined) throw new Error("one of two");
  expect((await lease(store.sql, second)).free).toBe(0);
});

test("lost once more while leased alone, it is dead", async () => {
  const seq = await submitDeadly("deadly");
  const worker = await register(store.sql);
  await idsOf(worker);
  expect(await loseClaims(store.sql, worker.session)).toEqual([{ seq, attempt: 3, isDead: true }]);
  expect(await findTask(store.sql, "deadly")).toMatchObject({
    phase: "dead",
    error: { code: "QUARANTINED", message: expect.stringContaining("leased alone") },
  });
  expect((await listAttempts(store.sql, seq)).map(({ status }) => status)).toEqual(["lost", "lost", "dead"]);
});
