import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import type { Fleet } from "@millrace/api/workers/fleet";
import { WorkerDesk } from "@millrace/api/workers/worker-desk";
import type { CancelNotice } from "@millrace/bus";
import type { Identity } from "@millrace/core";
import { createLog, createMetrics } from "@millrace/observe";
import { cancelTask, findTask, listClaims, type RemoteWorker } from "@millrace/store";
import { lease, register } from "../../../support/remote-workers.ts";
import { FakeBus } from "../../../support/task-api.ts";
import {
  newTask,
  openTaskStore,
  submitMany,
  submitOne,
  type TaskStore,
} from "../../../support/task-store.ts";

let store: TaskStore;
beforeAll(async () => {
  store = await openTaskStore();
}, 60_000);
afterAll(() => store?.close());

/** What the api hears, said by the test; and what it says. */
interface Heard {
  leasable(types: readonly string[]): void;
  pauses(): void;
  cancelled(notice: CancelNotice): void;
  changed(workerId: string): void;
}

const ann: Identity = { userId: 1, role: "user", scopes: "all", via: "jwt" };
let heard: Heard;
let toldLeasable: string[];
let logged: string[];
let bus: FakeBus;
let desk: WorkerDesk;

beforeEach(async () => {
  await store.sql`truncate tasks, open_tasks, outcomes, task_keys, remote_workers, task_routes`;
  const none = (): void => {};
  heard = { leasable: none, pauses: none, cancelled: none, changed: none };
  toldLeasable = [];
  logged = [];
  bus = new FakeBus();
  const hear = (one: Partial<Heard>): void => {
    heard = { ...heard, ...one };
  };
  const fleet = {
    list: () => [],
    tellLeasable: (types: readonly string[]) => void toldLeasable.push(...types),
    onLeasable: (handle: Heard["leasable"]) => hear({ leasable: handle }),
    onPausesChanged: (handle: Heard["pauses"]) => hear({ pauses: handle }),
    onCancelled: (handle: Heard["cancelled"]) => hear({ cancelled: handle }),
    onChanged: (handle: Heard["changed"]) => hear({ changed: handle }),
  } as unknown as Fleet;
  const log = createLog({
    ...{ service: "api", level: "WARNING", format: "json" },
    destination: { write: (line) => void logged.push(line), flush: () => {} },
  });
  desk = new WorkerDesk({
    ...{ sql: store.sql, fleet, dispatcher: bus, log, metrics: createMetrics({ service: "api" }) },
  });
});

const render = { task_type: "render", lane: "long" } as const;

/** Asks as a route does, and waits for up to half a minute. */
function ask(worker: RemoteWorker, signal = new AbortController().signal) {
  return desk.leases.lease({ worker, ownerId: null, tasksMax: 1, waitMs: 30_000, signal });
}

describe("who waits at the desk", () => {
  test("is given a task when somebody says that its type may be leased", async () => {
    const worker = await register(store.sql);
    const waiting = ask(worker);
    await submitOne(store.sql, { ...render, task_id: "told" });
    heard.leasable(["other", "render"]);
    expect((await waiting).tasks).toMatchObject([{ taskId: "told", attempt: 1 }]);
  });

  test("is asked again when a pause ends", async () => {
    const worker = await register(store.sql);
    await store.sql`insert into queue_pauses (name, is_lane, paused_by) values ('render', false, 1)`;
    const waiting = ask(worker);
    await submitOne(store.sql, { ...render, task_id: "held" });
    heard.leasable(["render"]);
    await store.sql`delete from queue_pauses`;
    heard.pauses();
    expect((await waiting).tasks).toMatchObject([{ taskId: "held" }]);
  });

  test("hears at once that a task of its own was cancelled, and only its own life does", async () => {
    const worker = await register(store.sql, { maxConcurrentTasks: 2 });
    await submitOne(store.sql, { ...render, task_id: "unwanted" });
    const [leased] = (await ask(worker)).tasks;
    const waiting = ask(worker);
    await cancelTask(store.sql, leased?.seq ?? 0, "test");
    const notice = { task_id: "unwanted", seq: leased?.seq ?? 0, attempt: 1 };
    heard.cancelled({ ...notice, session: "somebody~else" });
    heard.cancelled({ ...notice, session: worker.session });
    expect((await waiting).tasks).toEqual([]);
    expect(desk.cancellations.of(worker.session)).toEqual(["unwanted"]);
  });
});

test("a word that a worker has changed makes its registration be looked up anew", async () => {
  const first = await register(store.sql, { workerId: "w" });
  await desk.registrations.own(ann, { workerId: "w" });
  const second = await register(store.sql, { workerId: "w" });
  expect((await desk.registrations.own(ann, { workerId: "w" })).session).toBe(first.session); // Remembered.
  heard.changed("w");
  expect((await desk.registrations.own(ann, { workerId: "w" })).session).toBe(second.session);
});

test("what nobody will run is given back without a failure, and said to those who wait", async () => {
  const worker = await register(store.sql);
  await submitMany(store.sql, [newTask({ ...render, task_id: "a" }), newTask({ ...render, task_id: "b" })]);
  const leasing = await lease(store.sql, worker);
  await desk.giveBack(worker, leasing);
  for (const id of ["a", "b"])
    expect(await findTask(store.sql, id)).toMatchObject({ status: "pending", phase: "queued", error: null });
  expect(
    bus.published.map(({ dispatch }) => [dispatch.task_id, dispatch.attempt, dispatch.failures]),
  ).toEqual([
    ["a", 2, 0],
    ["b", 2, 0],
  ]);
  expect(await listClaims(store.sql, worker.session)).toEqual([]);
});

test("tasks that were there before the first worker of their type can be leased, and it is said", async () => {
  await submitMany(
    store.sql,
    Array.from({ length: 5 }, (_, n) => newTask({ ...render, task_id: `early-${n}` })),
  );
  await submitOne(store.sql, { task_type: "other", lane: "long" });
  const worker = await register(store.sql, { maxConcurrentTasks: 10 });
  expect((await lease(store.sql, worker)).tasks).toEqual([]);
  await desk.openBacklog(["render"]);
  expect(toldLeasable).toEqual(["render"]);
  expect((await lease(store.sql, worker)).tasks).toHaveLength(5);
});

test("what fails beside a request is logged and left to the scheduler; the drain waits for what is under way", async () => {
  const slow = Promise.withResolvers<void>();
  const done: string[] = [];
  desk.background(Promise.reject(new Error("away")));
  desk.background(slow.promise.then(() => void done.push("slow")));
  const draining = desk.drain();
  slow.resolve();
  await draining;
  expect(done).toEqual(["slow"]);
  expect(logged.filter((line) => line.includes("left to the scheduler"))).toHaveLength(1);
});
