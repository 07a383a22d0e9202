import { afterEach, beforeEach, expect, test } from "bun:test";
import {
  findTask,
  type Limit,
  leasePermits,
  listHoldingNames,
  loseClaims,
  putLimit,
  type RemoteWorker,
  readLimitUse,
  settleAttempts,
  takeHeld,
  takeTokens,
} from "@millrace/store";
import { lease, register } from "../../../support/remote-workers.ts";
import {
  completion,
  failure,
  newTask,
  openTaskStore,
  submitMany,
  type TaskStore,
} from "../../../support/task-store.ts";

let store: TaskStore;
let worker: RemoteWorker;
beforeEach(async () => {
  store = await openTaskStore(8);
  worker = await register(store.sql, { maxConcurrentTasks: 50, capabilities: ["render", "other"] });
}, 60_000);
afterEach(() => store.close());

const TYPE = { scope: "type", name: "render" } as const;
const TENANT = { scope: "tenant", name: "acme" } as const;
type Bounds = Partial<Pick<Limit, "ratePerSecond" | "burst" | "maxConcurrent">>;

const limit = (which: typeof TYPE | typeof TENANT, bounds: Bounds) =>
  putLimit(store.sql, { ...which, ratePerSecond: null, burst: null, maxConcurrent: null, ...bounds }, 1);
const submit = (count: number, fields: Parameters<typeof newTask>[0] = {}) =>
  submitMany(
    store.sql,
    Array.from({ length: count }, () => newTask({ task_type: "render", lane: "long", ...fields })),
  );

test("no more than a limit of concurrency allows are leased, the others are parked for it, without an attempt", async () => {
  await limit(TYPE, { maxConcurrent: 2 });
  await submit(5);
  const leasing = await lease(store.sql, worker);
  expect(leasing.tasks).toHaveLength(2);
  expect(leasing.heldBy).toEqual(["limit:type:render"]);
  expect(await listHoldingNames(store.sql)).toEqual(["limit:type:render"]);
  expect(await readLimitUse(store.sql, TYPE)).toEqual({ tokens: null, free: 0 });
  const parked = await takeHeld(store.sql, "limit:type:render", 10);
  expect(parked).toHaveLength(3);
  const [row] =
    await store.sql`select max(attempt) as most from open_tasks where seq = any(${[...parked]}::bigint[])`;
  expect(row?.most).toBe(0);
});

test.each(["completed", "failed", "lost"])(
  "a permit is free again as soon as its attempt is %s",
  async (how) => {
    await limit(TYPE, { maxConcurrent: 1 });
    const [seq = 0] = await submit(1);
    expect((await lease(store.sql, worker)).tasks).toHaveLength(1);
    expect((await readLimitUse(store.sql, TYPE))?.free).toBe(0);
    if (how === "lost") await loseClaims(store.sql, worker.session);
    else await settleAttempts(store.sql, worker.session, [how === "failed" ? failure(seq) : completion(seq)]);
    expect((await readLimitUse(store.sql, TYPE))?.free).toBe(1);
  },
);

test("leases and permits of our own workers add up, whoever comes first", async () => {
  await limit(TYPE, { maxConcurrent: 3 });
  await submit(9);
  const wish = { session: "own~1", wanted: 2, leaseMs: 60_000 };
  expect(await leasePermits(store.sql, TYPE, wish)).toBe(2);
  expect((await lease(store.sql, worker)).tasks).toHaveLength(1);
  expect(await leasePermits(store.sql, TYPE, { ...wish, wanted: 9 })).toBe(2);
  expect(await leasePermits(store.sql, TYPE, { ...wish, session: "own~2", wanted: 1 })).toBe(0);
});

test("workers that ask at once never exceed it together", async () => {
  await limit(TYPE, { maxConcurrent: 4 });
  await submit(40);
  const workers = await Promise.all(Array.from({ length: 8 }, () => register(store.sql)));
  const leases = await Promise.all(workers.map((one) => lease(store.sql, one)));
  expect(leases.flatMap(({ tasks }) => tasks)).toHaveLength(4);
});

test("each lease takes a start of the rate, and what another limit holds back takes none", async () => {
  await limit(TYPE, { ratePerSecond: 0.01, burst: 5 });
  await limit(TENANT, { maxConcurrent: 1 });
  await submit(3, { tenant: "acme" });
  expect((await lease(store.sql, worker)).tasks).toHaveLength(1);
  expect(await listHoldingNames(store.sql)).toEqual(["limit:tenant:acme"]);
  expect(await takeTokens(store.sql, TYPE, 9)).toMatchObject({ granted: 4 });
  await submit(1);
  expect((await lease(store.sql, worker)).heldBy).toEqual(["limit:type:render"]);
});

test("a tenant that is held back does not hold others back that come after it", async () => {
  await limit(TENANT, { maxConcurrent: 1 });
  await submit(3, { tenant: "acme" });
  await submit(1, { tenant: "other", task_id: "other's" });
  const two = await lease(store.sql, worker, { tasksMax: 3 });
  expect(two.tasks).toHaveLength(1);
  expect((await lease(store.sql, worker)).tasks.map(({ taskId }) => taskId)).toEqual(["other's"]);
  expect(await findTask(store.sql, "other's")).toMatchObject({ phase: "running" });
});

test("limits of hosts and of other types say nothing about leases", async () => {
  await limit({ scope: "type", name: "unheard.of" } as unknown as typeof TYPE, { maxConcurrent: 1 });
  await submit(5);
  expect((await lease(store.sql, worker)).tasks).toHaveLength(5);
});
