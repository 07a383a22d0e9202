import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import {
  deleteRemoteWorker,
  drainRemoteWorker,
  findRemoteWorker,
  forgetRemoteWorkers,
  registerRemoteWorker,
} from "@millrace/store";
import { register } from "../../../support/remote-workers.ts";
import { openTaskStore, type TaskStore } from "../../../support/task-store.ts";

let store: TaskStore;
beforeAll(async () => {
  store = await openTaskStore(8);
}, 60_000);
afterAll(() => store?.close());
beforeEach(async () => {
  await store.sql`truncate remote_workers, task_routes`;
});

const WISH = {
  ...{ workerId: "w", ownerId: 1, nonce: "n", instance: null, servesAll: false },
  ...{ capabilities: ["render"], maxConcurrentTasks: 5, heartbeatS: 30 },
};

test("each registration is another life, counted, and what the worker says of itself is replaced", async () => {
  const first = await register(store.sql, { workerId: "w", capabilities: ["render"] });
  const second = await registerRemoteWorker(store.sql, {
    ...{ ...WISH, capabilities: ["encode"], maxConcurrentTasks: 7, servesAll: true },
  });
  expect(second).toMatchObject({ kind: "registered", isNew: false, formerSession: first.session });
  const found = await findRemoteWorker(store.sql, "w");
  expect(found).toMatchObject({ capabilities: ["encode"], maxConcurrentTasks: 7, servesAll: true });
  expect((found?.session ?? "") > first.session).toBeTrue();
});

test("the same instance again is the same life, drained if it was; another life is not", async () => {
  const instance = { workerId: "w", instance: "process-1" };
  const first = await register(store.sql, instance);
  await drainRemoteWorker(store.sql, first);
  expect(await register(store.sql, instance)).toMatchObject({ session: first.session, isDraining: true });
  expect(await register(store.sql, { ...instance, instance: "process-2" })).toMatchObject({
    isDraining: false,
  });
});

test("of many that register under one id at once, one owner gets it, and each life has a session of its own", async () => {
  const wishes = Array.from({ length: 16 }, (_, n) => ({ ...WISH, ownerId: 1 + (n % 2), nonce: `n${n}` }));
  const answers = await Promise.all(wishes.map((wish) => registerRemoteWorker(store.sql, wish)));
  const registered = answers.flatMap((answer) => (answer.kind === "registered" ? [answer.worker] : []));
  expect(new Set(registered.map(({ ownerId }) => ownerId)).size).toBe(1);
  expect(registered).toHaveLength(8);
  expect(new Set(registered.map(({ session }) => session)).size).toBe(8);
}, 30_000);

test("the first worker of a type is told that it is, later ones are not", async () => {
  const first = await registerRemoteWorker(store.sql, { ...WISH, capabilities: ["render", "encode"] });
  const second = await registerRemoteWorker(store.sql, {
    ...WISH,
    workerId: "v",
    capabilities: ["encode", "pack"],
  });
  expect(first.kind === "registered" && first.newTypes.toSorted()).toEqual(["encode", "render"]);
  expect(second.kind === "registered" && second.newTypes).toEqual(["pack"]);
});

test("draining and removing are for the life that is meant", async () => {
  const first = await register(store.sql, { workerId: "w" });
  const second = await register(store.sql, { workerId: "w" });
  expect([await drainRemoteWorker(store.sql, first), await deleteRemoteWorker(store.sql, first)]).toEqual([
    false,
    false,
  ]);
  expect(await findRemoteWorker(store.sql, "w")).toMatchObject({ isDraining: false });
  expect([await drainRemoteWorker(store.sql, second), await deleteRemoteWorker(store.sql, second)]).toEqual([
    true,
    true,
  ]);
  expect(await findRemoteWorker(store.sql, "w")).toBeNull();
});

test("old registrations are forgotten, but not of workers that were heard of", async () => {
  for (const workerId of ["old", "heard", "new"]) await register(store.sql, { workerId });
  await store.sql`update remote_workers set registered_at = registered_at - interval '8 days' where worker_id <> 'new'`;
  expect(await forgetRemoteWorkers(store.sql, { keptDays: 7, except: ["heard"] })).toBe(1);
  const left = await store.sql<{ worker_id: string }[]>`select worker_id from remote_workers order by 1`;
  expect(left.map((row) => row.worker_id)).toEqual(["heard", "new"]);
});
