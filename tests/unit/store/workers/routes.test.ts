import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import {
  listEmbeddedTypes,
  listShelvedTypes,
  loadDispatches,
  makeLeasable,
  routeAwayFromWorkers,
  routeToWorkers,
  shelveTasks,
  submitTasks,
  takeShelved,
} from "@millrace/store";
import { lease, register } from "../../../support/remote-workers.ts";
import {
  newTask,
  openTaskStore,
  submitMany,
  submitOne,
  type TaskStore,
} from "../../../support/task-store.ts";

let store: TaskStore;
beforeAll(async () => {
  store = await openTaskStore(8);
}, 60_000);
afterAll(() => store?.close());
beforeEach(async () => {
  await store.sql`truncate tasks, open_tasks, outcomes, task_keys, remote_workers, task_routes`;
});

const render = { task_type: "render", lane: "long" } as const;
const routeOf = async (): Promise<unknown> => {
  const [answer] = await submitTasks(store.sql, [newTask(render)]);
  return answer?.kind === "stored" ? (answer.route ?? "by message") : answer?.kind;
};

test("a type goes by messages until nobody of ours has a handler; then it is leased, or both when it has again", async () => {
  expect(await routeOf()).toBe("by message");
  await register(store.sql);
  expect(await routeOf()).toBe("shelved");
  await routeToWorkers(store.sql, ["render", "simulate"]);
  expect([await routeOf(), await listEmbeddedTypes(store.sql)]).toEqual(["shared", ["render", "simulate"]]);
  await routeAwayFromWorkers(store.sql, ["render"]);
  expect([await routeOf(), await listEmbeddedTypes(store.sql)]).toEqual(["shelved", ["simulate"]]);
});

test("what is shelved has no message, keeps its place, and its type is noted for the next ones", async () => {
  const seqs = await submitMany(store.sql, [
    newTask({ ...render, task_id: "a" }),
    newTask({ ...render, task_id: "b" }),
  ]);
  expect(
    await shelveTasks(
      store.sql,
      seqs.toReversed().map((seq) => ({ seq, taskType: "render" })),
    ),
  ).toEqual([true, true]);
  expect((await loadDispatches(store.sql, seqs)).map(({ dispatch }) => dispatch.route)).toEqual([
    "shelved",
    "shelved",
  ]);
  expect(await listShelvedTypes(store.sql)).toEqual(["render"]);
  expect(await routeOf()).toBe("shelved");
  const { tasks } = await lease(store.sql, await register(store.sql));
  expect(tasks.map(({ taskId }) => taskId).slice(0, 2)).toEqual(["a", "b"]);
});

test("what a worker of ours has learned to run leaves the shelf in portions, the oldest first, and is due now", async () => {
  const seqs = await submitMany(
    store.sql,
    Array.from({ length: 5 }, () => newTask(render)),
  );
  const later = await submitOne(store.sql, {
    ...render,
    run_at: new Date(Date.now() + 86_400_000).toISOString(),
  });
  await shelveTasks(
    store.sql,
    [...seqs, later].map((seq) => ({ seq, taskType: "render" })),
  );
  await routeToWorkers(store.sql, ["render"]);
  const first = await takeShelved(store.sql, { taskType: "render", limit: 3 });
  expect(first).toEqual({ count: 3, due: seqs.slice(0, 3) });
  // What is far off gets its message when it comes near.
  expect(await takeShelved(store.sql, { taskType: "render", limit: 9 })).toEqual({
    count: 3,
    due: seqs.slice(3),
  });
  expect(await listShelvedTypes(store.sql)).toEqual([]);
});

test("a type that is ours is not shelved, also when both say so at the same moment", async () => {
  for (let round = 0; round < 5; round += 1) {
    await store.sql`truncate tasks, open_tasks, task_keys, task_routes`;
    const seqs = await submitMany(
      store.sql,
      Array.from({ length: 8 }, () => newTask(render)),
    );
    const [answers] = await Promise.all([
      Promise.all(seqs.map((seq) => shelveTasks(store.sql, [{ seq, taskType: "render" }]))),
      routeToWorkers(store.sql, ["render"]),
    ]);
    const { count } = await takeShelved(store.sql, { taskType: "render", limit: 99 });
    expect(count).toBe(answers.flat().filter(Boolean).length);
    expect(await listShelvedTypes(store.sql)).toEqual([]);
  }
}, 60_000);

test("a backlog is made leasable in portions, and the tasks of files never are", async () => {
  await submitMany(store.sql, [
    ...Array.from({ length: 4 }, () => newTask(render)),
    newTask({ task_type: "render", lane: "file" }),
    newTask({ task_type: "other", lane: "long" }),
  ]);
  await register(store.sql, { maxConcurrentTasks: 99 });
  let after: number | null = 0;
  let portions = 0;
  while (after !== null) {
    after = await makeLeasable(store.sql, { taskType: "render", after, limit: 2 });
    portions += 1;
  }
  expect(portions).toBe(3);
  const leasable = await store.sql`select distinct lane from open_tasks where lease_type = 'render'`;
  expect([...leasable]).toEqual([{ lane: "long" }]);
});
