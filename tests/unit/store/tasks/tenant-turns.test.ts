import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { NO_TENANT } from "@millrace/core";
import { TURN_TENANTS_PASSED_MAX } from "@millrace/core/limits";
import {
  claimAttempts,
  holdTasks,
  listWaitingTenants,
  type NewTask,
  offerTasks,
  settleAttempts,
  takeHeld,
} from "@millrace/store";
import {
  failure,
  newTask,
  openTaskStore,
  submitMany,
  submitOne,
  type TaskStore,
} from "../../../support/task-store.ts";

const LEVEL = { lane: "short", priority: 5 } as const;
const LATER = "2100-01-01T00:00:00Z";

let store: TaskStore;
beforeAll(async () => {
  store = await openTaskStore();
});
beforeEach(async () => {
  await store.sql`truncate open_tasks`;
});
afterAll(() => store?.close());

const some = (count: number, overrides: Partial<NewTask>): readonly NewTask[] =>
  Array.from({ length: count }, () => newTask(overrides));
const waiting = async (after: string | null = null, limit = 100) =>
  (await listWaitingTenants(store.sql, LEVEL, { after, limit })).tenants;
const offered = async (tenant: string, tasks: number) =>
  (await offerTasks(store.sql, LEVEL, [{ tenant, tasks }])).map(({ seq }) => seq);
const turnOf = (tenant: string) => ({ ...LEVEL, tenant });

async function tenantsIn(): Promise<readonly (string | null)[]> {
  const rows = await store.sql<{ tenant: string | null }[]>`select tenant from open_tasks order by seq`;
  return rows.map(({ tenant }) => tenant);
}

describe("who takes part", () => {
  test("tasks without a tenant stay out of the index while no tenant waits", async () => {
    await submitMany(store.sql, some(3, {}));
    expect(await tenantsIn()).toEqual([null, null, null]);
    expect(await waiting()).toEqual([]);
  });

  test("and share one turn where a tenant waits at their level", async () => {
    await submitMany(store.sql, some(1, { tenant: "acme" }));
    await submitMany(store.sql, [newTask(), newTask({ priority: 6 }), newTask({ lane: "long" }), newTask()]);
    expect(await tenantsIn()).toEqual(["acme", NO_TENANT, null, null, NO_TENANT]);
    expect(await waiting()).toEqual([NO_TENANT, "acme"]);
  });

  test("tasks that come later than their place in line take part in any case", async () => {
    await submitMany(store.sql, [newTask({ run_at: LATER })]);
    const seq = await submitOne(store.sql);
    await claimAttempts(store.sql, "w~1", [{ seq, attempt: 1 }]);
    await settleAttempts(store.sql, "w~1", [failure(seq)]);
    const held = await submitOne(store.sql);
    await holdTasks(store.sql, [{ seq: held, attempt: 1, name: "limit:type:simulate" }]);
    expect(await takeHeld(store.sql, "limit:type:simulate", 10)).toEqual([held]);
    expect(await tenantsIn()).toEqual([NO_TENANT, NO_TENANT, NO_TENANT]);
  });
});

describe("listWaitingTenants", () => {
  test("goes on behind the last one and around, and leaves out who has nothing due", async () => {
    for (const tenant of ["d", "a", "c"]) await submitMany(store.sql, some(3, { tenant }));
    await submitMany(store.sql, some(2, { tenant: "b", run_at: LATER }));
    const claimed = await submitOne(store.sql, { tenant: "e" });
    await claimAttempts(store.sql, "w~1", [{ seq: claimed, attempt: 1 }]);
    await submitMany(store.sql, some(1, { tenant: "f", priority: 6 }));
    expect(await waiting()).toEqual(["a", "c", "d"]);
    expect(await waiting("a")).toEqual(["c", "d", "a"]);
    expect(await waiting("b")).toEqual(["c", "d", "a"]);
    expect(await waiting("d")).toEqual(["a", "c", "d"]);
    expect(await waiting("c", 2)).toEqual(["d", "a"]);
  });

  test("names are sorted by their characters, whatever the database's language", async () => {
    for (const tenant of ["a", "B", "A.b", "A_b"]) await submitMany(store.sql, some(1, { tenant }));
    expect(await waiting()).toEqual(["A.b", "A_b", "B", "a"]);
  });

  test("a look ends after so many tenants with nothing due, and says where", async () => {
    const idle = Array.from({ length: TURN_TENANTS_PASSED_MAX + 5 }, (_, n) =>
      newTask({ tenant: `idle-${String(n).padStart(5, "0")}`, run_at: LATER }),
    );
    await submitMany(store.sql, [...idle, newTask({ tenant: "zeta" })]);
    const first = await listWaitingTenants(store.sql, LEVEL, { after: null, limit: 4 });
    expect(first).toEqual({ tenants: [], passedUntil: idle[TURN_TENANTS_PASSED_MAX - 1]?.tenant ?? "" });
    const second = await listWaitingTenants(store.sql, LEVEL, { after: first.passedUntil, limit: 4 });
    expect(second.tenants).toEqual(["zeta"]);
  });
});

describe("offerTasks", () => {
  test("offers the oldest of the tenant, each to one asker, and nothing that is not due or claimed", async () => {
    const seqs = await submitMany(store.sql, some(60, { tenant: "acme" }));
    await submitMany(store.sql, [...some(5, { tenant: "bolt" }), newTask({ tenant: "acme", run_at: LATER })]);
    const all = await Promise.all([offered("acme", 20), offered("acme", 20), offered("acme", 40)]);
    expect(all.flat().sort((a, b) => a - b)).toEqual([...seqs]);
    expect(await offered("acme", 5)).toEqual([]);
    expect(await offered("nobody", 5)).toEqual([]);
  });

  test("what was offered and not claimed is offered again, and can be claimed meanwhile", async () => {
    const seq = await submitOne(store.sql, { tenant: "acme" });
    expect(await offered("acme", 1)).toEqual([seq]);
    await store.sql`update open_tasks set offered_until = clock_timestamp() - interval '1 second'`;
    expect(await offered("acme", 1)).toEqual([seq]);
    expect(await claimAttempts(store.sql, "w~1", [{ seq, attempt: 1 }])).toEqual([{ kind: "claimed" }]);
    expect(await offered("acme", 1)).toEqual([]);
  });

  test("says what the task's message says", async () => {
    const wish = newTask({ tenant: "acme", payload: { n: 1 } });
    const seq = await submitOne(store.sql, wish);
    const [offer] = await offerTasks(store.sql, LEVEL, [{ tenant: "acme", tasks: 1 }]);
    expect(offer).toEqual({
      ...{
        seq,
        task_id: wish.task_id,
        task_type: wish.task_type,
        attempt: 1,
        failures: 0,
        payload: { n: 1 },
      },
      ...{ lane: "short", priority: 5, timeout: wish.timeout_s, max_attempts: wish.max_attempts },
      ...{ backoff: wish.backoff, tenant: "acme", correlation_id: wish.correlation_id },
    });
  });

  test("a task of nobody's has no tenant in its message", async () => {
    await submitMany(store.sql, some(1, { tenant: "acme" }));
    await submitOne(store.sql);
    const [offer] = await offerTasks(store.sql, LEVEL, [{ tenant: NO_TENANT, tasks: 1 }]);
    expect(offer?.tenant).toBeNull();
  });
});

describe("a claim says whether others wait beside it", () => {
  const isShared = async (seq: number, tenant: string): Promise<boolean | undefined> => {
    const [answer] = await claimAttempts(store.sql, "w~1", [{ seq, attempt: 1, turn: turnOf(tenant) }]);
    return answer?.kind === "claimed" ? (answer.isShared ?? false) : undefined;
  };

  test("not of a tenant alone, however much of it waits", async () => {
    const [seq = 0] = await submitMany(store.sql, some(50, { tenant: "acme" }));
    expect(await isShared(seq, "acme")).toBe(false);
    await store.sql`truncate open_tasks`;
    const [own = 0] = await submitMany(store.sql, some(50, {}));
    expect(await isShared(own, NO_TENANT)).toBe(false);
  });

  test("not of tenants at other levels, nor of running and parked tasks", async () => {
    const [first = 0, other = 0, held = 0] = await submitMany(store.sql, [
      ...["m", "a", "z"].map((tenant) => newTask({ tenant })),
      newTask({ tenant: "a", priority: 6 }),
      newTask({ tenant: "z", lane: "long" }),
    ]);
    await claimAttempts(store.sql, "w~1", [{ seq: other, attempt: 1 }]);
    await holdTasks(store.sql, [{ seq: held, attempt: 1, name: "limit:tenant:z" }]);
    expect(await isShared(first, "m")).toBe(false);
  });

  test.each(["a", "z", null])("of %p beside it", async (tenant) => {
    const [first = 0] = await submitMany(store.sql, some(1, { tenant: "m" }));
    await submitMany(store.sql, some(1, { tenant }));
    expect(await isShared(first, "m")).toBe(true);
  });

  test("each claim of a group hears of its own level", async () => {
    const wishes = [
      newTask({ tenant: "m" }),
      newTask({ tenant: "m", priority: 7 }),
      newTask({ tenant: "n" }),
    ];
    const seqs = await submitMany(store.sql, wishes);
    const answers = await claimAttempts(
      store.sql,
      "w~1",
      seqs.slice(0, 2).map((seq, index) => ({
        seq,
        attempt: 1,
        turn: { ...turnOf("m"), priority: index === 0 ? 5 : 7 } as const,
      })),
    );
    expect(answers).toEqual([{ kind: "claimed", isShared: true }, { kind: "claimed" }]);
  });
});
