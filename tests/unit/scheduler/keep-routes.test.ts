import { afterEach, beforeEach, expect, test } from "bun:test";
import { ROUTE_GONE_MS } from "@millrace/core/limits";
import { RouteKeeper } from "@millrace/scheduler/keep-routes";
import {
  listEmbeddedTypes,
  listOverdueLevels,
  listShelvedTypes,
  routeToWorkers,
  shelveTasks,
} from "@millrace/store";
import { LEVEL, pullAll } from "../../support/bus.ts";
import { lease, register } from "../../support/remote-workers.ts";
import { beatOf, type SchedulerUnderTest, startScheduler } from "../../support/scheduler.ts";
import { submitOne } from "../../support/task-store.ts";

let it: SchedulerUnderTest;
let nowMs = 0;
let keeper: RouteKeeper;
beforeEach(async () => {
  it = await startScheduler();
  keeper = new RouteKeeper(it.ports, () => nowMs);
});
afterEach(() => it.close());

const FUTURE = new Date(Date.now() + 24 * 3_600_000);

test("what nobody of ours can run is shelved, has no message, and is nothing to the reconciler", async () => {
  const { sql } = it.store;
  const seq = await submitOne(sql, { task_type: "odd", ...LEVEL });
  expect(await shelveTasks(sql, [{ seq, taskType: "odd" }])).toEqual([true]);
  await submitOne(sql, { task_type: "odd", ...LEVEL }); // Straight to the shelf by now.
  expect(await listShelvedTypes(sql)).toEqual(["odd"]);
  expect(await listOverdueLevels(sql, FUTURE)).toEqual([]);
  const worker = await register(sql, { capabilities: ["odd"] });
  expect((await lease(sql, worker)).tasks).toMatchObject([{ seq, attempt: 1 }, { attempt: 1 }]);
});

test("what others of ours can run is not shelved", async () => {
  const { sql } = it.store;
  const seq = await submitOne(sql, { task_type: "known", ...LEVEL });
  await routeToWorkers(sql, ["known"]);
  expect(await shelveTasks(sql, [{ seq, taskType: "known" }])).toEqual([false]);
  expect(await listShelvedTypes(sql)).toEqual([]);
});

test("when one of ours learns to run a type, what is on the shelf gets its messages", async () => {
  const { sql } = it.store;
  const seq = await submitOne(sql, { task_type: "odd", ...LEVEL });
  await shelveTasks(sql, [{ seq, taskType: "odd" }]);
  it.ports.registry.hear({ ...beatOf("w", "a"), capabilities: ["odd"] });
  await keeper.round();
  expect(await listEmbeddedTypes(sql)).toEqual(["odd"]);
  expect(await listShelvedTypes(sql)).toEqual([]);
  const [delivery] = await pullAll(it.under.bus, LEVEL, 1);
  expect(JSON.parse(delivery?.body ?? "{}")).toMatchObject({ seq, attempt: 1 });
});

test("a type without a worker of ours is theirs for ten minutes more, and a worker over HTTP does not count", async () => {
  const { sql } = it.store;
  it.ports.registry.hear({ ...beatOf("w", "a"), capabilities: ["odd"] });
  await keeper.round();
  it.advance(60 * 60_000); // Its heart stopped.
  it.ports.registry.hear({ ...beatOf("http", "a"), capabilities: ["odd"], owner_id: 1 });
  nowMs += ROUTE_GONE_MS;
  await keeper.round();
  expect(await listEmbeddedTypes(sql)).toEqual(["odd"]);
  nowMs += 1;
  await keeper.round();
  expect(await listEmbeddedTypes(sql)).toEqual([]);
});
