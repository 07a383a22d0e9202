import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { TURN_QUIET_MS, TURN_TENANTS_PASSED_MAX } from "@millrace/core/limits";
import type { Dispatch } from "@millrace/protocol";
import { claimAttempts, type NewTask, type Sql } from "@millrace/store";
import { TenantTurns } from "@millrace/worker/tenant-turns";
import { dispatchOf, LEVEL } from "../../support/bus.ts";
import { newTask, openTaskStore, submitMany, type TaskStore } from "../../support/task-store.ts";

let store: TaskStore;
let nowMs: number;
let failures: unknown[];
let turns: TenantTurns;
beforeAll(async () => {
  store = await openTaskStore();
});
beforeEach(async () => {
  await store.sql`truncate open_tasks`;
  nowMs = 1_000;
  failures = [];
  turns = turnsOn(store.sql);
});
afterAll(() => store?.close());

function turnsOn(sql: Sql): TenantTurns {
  const made = new TenantTurns({
    sql,
    nowMs: () => nowMs,
    onFailure: (error) => failures.push(error),
  });
  made.noteShared(LEVEL);
  return made;
}

const submit = (count: number, overrides: Partial<NewTask>) =>
  submitMany(
    store.sql,
    Array.from({ length: count }, () => newTask(overrides)),
  );
const message = (tenant: string | null, overrides: Partial<Dispatch> = {}) =>
  dispatchOf(999_999, { tenant, ...overrides });

/** Whose tasks start when messages of this tenant come for so many slots at once; what starts is claimed. */
async function started(tenant: string | null, slots: number): Promise<readonly (string | null)[]> {
  const chosen = await Promise.all(Array.from({ length: slots }, () => turns.next(message(tenant))));
  const claims = chosen.flatMap((one) => (one === null ? [] : [{ seq: one.seq, attempt: 1 }]));
  const answers = await claimAttempts(store.sql, "w~1", claims);
  expect(answers.every(({ kind }) => kind === "claimed")).toBe(true);
  return chosen.map((one) => (one === null ? tenant : one.tenant));
}

describe("next", () => {
  test("goes round the tenants, one slot at a time as well as many at once", async () => {
    await submit(50, { tenant: "b" });
    await submit(50, { tenant: "c" });
    const one = [];
    for (let slot = 0; slot < 6; slot++) one.push(...(await started("a", 1)));
    expect(one).toEqual(["a", "b", "c", "a", "b", "c"]);
    expect((await started("a", 8)).toSorted()).toEqual(["a", "a", "a", "b", "b", "b", "c", "c"]);
    expect(await started("a", 1)).toEqual(["c"]);
  });

  test("tasks without a tenant have one turn together", async () => {
    await submit(5, { tenant: "b" });
    await submit(5, {});
    expect((await started("b", 4)).toSorted()).toEqual([null, null, "b", "b"].toSorted());
  });

  test("the oldest of a tenant comes first", async () => {
    const seqs = await submit(5, { tenant: "b" });
    const chosen = await Promise.all(Array.from({ length: 6 }, () => turns.next(message("a"))));
    expect(chosen.flatMap((one) => one?.seq ?? []).sort((a, b) => a - b)).toEqual(seqs.slice(0, 3));
  });

  test("where nobody else waits, nobody is asked for a while", async () => {
    await submit(5, { tenant: "a" });
    await submit(1, { tenant: "b", run_at: "2100-01-01T00:00:00Z" });
    expect(turns.concern(LEVEL)).toBe(true);
    expect(await started("a", 2)).toEqual(["a", "a"]);
    expect(turns.concern(LEVEL)).toBe(false);
    turns.noteShared(LEVEL);
    expect(turns.concern(LEVEL)).toBe(false);
    nowMs += TURN_QUIET_MS;
    turns.noteShared(LEVEL);
    expect(turns.concern(LEVEL)).toBe(true);
  });

  test("the other levels are not concerned", () => {
    expect([
      turns.concern({ lane: "short", priority: 6 }),
      turns.concern({ lane: "long", priority: 5 }),
    ]).toEqual([false, false]);
  });

  test("who waits behind more idle tenants than one look passes is found by the next", async () => {
    const idle = Array.from({ length: TURN_TENANTS_PASSED_MAX + 1 }, (_, n) =>
      newTask({ tenant: `idle-${String(n).padStart(5, "0")}`, run_at: "2100-01-01T00:00:00Z" }),
    );
    await submitMany(store.sql, [...idle, newTask({ tenant: "zeta" })]);
    expect(await started("a", 1)).toEqual(["a"]);
    expect(await started("a", 1)).toEqual(["zeta"]);
  });

  test("without the database, messages keep their order", async () => {
    const closed = await openTaskStore(1);
    await closed.close();
    turns = turnsOn(closed.sql);
    expect(await turns.next(message("a"))).toBeNull();
    expect(failures).toHaveLength(1);
  });
});

describe("nextOfSame", () => {
  test("is the oldest of that tenant, whoever's turn it is; null when it has none", async () => {
    await submit(3, { tenant: "b" });
    const [oldest = 0] = await submit(2, { tenant: "a" });
    expect((await turns.nextOfSame(message("a")))?.seq).toBe(oldest);
    expect(await turns.nextOfSame(message("z"))).toBeNull();
  });

  test("uses nobody's turn", async () => {
    await submit(3, { tenant: "b" });
    expect(await started("a", 1)).toEqual(["a"]);
    await turns.nextOfSame(message("a"));
    expect(await started("a", 1)).toEqual(["b"]);
  });
});
