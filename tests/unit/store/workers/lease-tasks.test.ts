import { afterEach, beforeEach, expect, test } from "bun:test";
import {
  drainRemoteWorker,
  findTask,
  listClaims,
  pauseQueue,
  type RemoteWorker,
  registerRemoteWorker,
  settleAttempts,
} from "@millrace/store";
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
});
afterEach(() => store.close());

const render = { task_type: "render", lane: "long" } as const;

async function idsOf(worker: RemoteWorker, tasksMax?: number): Promise<readonly string[]> {
  const { tasks } = await lease(store.sql, worker, tasksMax === undefined ? {} : { tasksMax });
  return tasks.map((task) => task.taskId);
}

test("the most urgent is leased first, and of equals the one that waits longest", async () => {
  const worker = await register(store.sql);
  for (const [task_id, priority] of [
    ["a", 5],
    ["b", 10],
    ["c", 5],
    ["d", 1],
  ] as const)
    await submitOne(store.sql, { ...render, task_id, priority });
  expect(await idsOf(worker)).toEqual(["b", "a", "c", "d"]);
  expect(await findTask(store.sql, "b")).toMatchObject({
    phase: "running",
    workerId: worker.workerId,
    attempts: 1,
  });
});

test("a worker gets no more than its limit, however often and however many at once it asks", async () => {
  const worker = await register(store.sql, { maxConcurrentTasks: 3 });
  await submitMany(
    store.sql,
    Array.from({ length: 20 }, () => newTask(render)),
  );
  const leases = await Promise.all(Array.from({ length: 6 }, () => lease(store.sql, worker)));
  expect(leases.flatMap(({ tasks }) => tasks)).toHaveLength(3);
  expect(await lease(store.sql, worker)).toMatchObject({ isCurrent: true, free: 0, tasks: [] });
  const [first] = leases.flatMap(({ tasks }) => tasks);
  await settleAttempts(store.sql, worker.session, [completion(first?.seq ?? 0, 1)]);
  expect((await lease(store.sql, worker)).tasks).toHaveLength(1);
});

test("workers that ask at once get different tasks, each once", async () => {
  const workers = await Promise.all(Array.from({ length: 8 }, () => register(store.sql)));
  const seqs = await submitMany(
    store.sql,
    Array.from({ length: 30 }, () => newTask(render)),
  );
  const leases = await Promise.all(workers.map((worker) => lease(store.sql, worker)));
  const leased = leases.flatMap(({ tasks }) => tasks.map((task) => task.seq));
  expect(leased.toSorted((a, b) => a - b)).toEqual([...seqs]);
});

test("a worker gets what it registered for, and a plain user's worker its owner's alone", async () => {
  const own = await register(store.sql, { ownerId: 7, servesAll: false, capabilities: ["render"] });
  await submitOne(store.sql, { ...render, task_id: "mine", owner_id: 7 });
  await submitOne(store.sql, { ...render, task_id: "theirs", owner_id: 8 });
  await submitOne(store.sql, { task_type: "other", lane: "long", task_id: "other", owner_id: 7 });
  expect(await idsOf(own)).toEqual(["mine"]);
  expect(await idsOf(await register(store.sql))).toEqual(["theirs"]);
});

test("a task that is not due yet is not leased, and the worker is told when it is", async () => {
  const worker = await register(store.sql);
  const at = new Date(Date.now() + 60_000);
  await submitOne(store.sql, { ...render, run_at: at.toISOString() });
  expect(await lease(store.sql, worker)).toEqual({
    ...{ isCurrent: true, free: 5, tasks: [] },
    ...{ nextDue: at, heldBy: [] },
  });
});

test("a former life, and a draining worker, get nothing", async () => {
  const former = await register(store.sql, { workerId: "w" });
  const worker = await register(store.sql, { workerId: "w" });
  await submitOne(store.sql, render);
  expect(await lease(store.sql, former)).toMatchObject({ isCurrent: false, tasks: [] });
  expect(await drainRemoteWorker(store.sql, former)).toBe(false);
  expect(await drainRemoteWorker(store.sql, worker)).toBe(true);
  expect(await lease(store.sql, worker)).toMatchObject({ isCurrent: false, tasks: [] });
  expect(await listClaims(store.sql, worker.session)).toEqual([]);
});

test("the same instance again is the same life, and another user's id is taken", async () => {
  const first = await register(store.sql, { workerId: "w", instance: "one" });
  expect(await register(store.sql, { workerId: "w", instance: "one" })).toMatchObject({
    session: first.session,
  });
  const again = await registerRemoteWorker(store.sql, { ...first, nonce: "2", instance: "two" });
  expect(again).toMatchObject({ kind: "registered", isNew: false, formerSession: first.session });
  const stranger = await registerRemoteWorker(store.sql, { ...first, nonce: "3", ownerId: 2 });
  expect(stranger).toEqual({ kind: "taken" });
});

test("what is paused is not leased", async () => {
  const worker = await register(store.sql, { capabilities: ["render", "sum"] });
  await submitOne(store.sql, { ...render, task_id: "type" });
  await submitOne(store.sql, { task_type: "sum", lane: "short", task_id: "lane" });
  await submitOne(store.sql, { task_type: "sum", lane: "long", task_id: "free" });
  await pauseQueue(store.sql, { name: "render", pausedBy: 1, reason: null });
  await pauseQueue(store.sql, { name: "short", pausedBy: 1, reason: null });
  expect(await idsOf(worker)).toEqual(["free"]);
});

test("a lease never outlasts its task's time-out", async () => {
  const worker = await register(store.sql);
  await submitOne(store.sql, { ...render, timeout_s: 2 });
  const before = Date.now();
  const [task] = (await lease(store.sql, worker, { leaseS: 30 })).tasks;
  expect((task?.leaseUntil.getTime() ?? 0) - before).toBeLessThan(20_000);
});
