import { describe, expect, test } from "bun:test";
import { NO_TENANT, planTurns, type TurnPlan, type TurnWish } from "@millrace/core/tenant-turns";

const TENANTS = [NO_TENANT, "a", "b", "c"];
const MESSAGES_MAX = 4;

function subsets(names: readonly string[]): readonly (readonly string[])[] {
  const [first, ...rest] = names;
  if (first === undefined) return [[]];
  const others = subsets(rest);
  return [...others, ...others.map((one) => [first, ...one])];
}

/** All lists of this length. */
function lists(names: readonly string[], length: number): readonly (readonly string[])[] {
  if (length === 0) return [[]];
  return lists(names, length - 1).flatMap((list) => names.map((name) => [...list, name]));
}

/** Whoever waits, whatever comes, wherever the last turn ended: 27 200 cases. */
function* everyWish(): Generator<TurnWish> {
  for (const waiting of subsets(TENANTS))
    for (const last of [null, ...TENANTS])
      for (let messages = 1; messages <= MESSAGES_MAX; messages++)
        for (const own of lists(TENANTS, messages)) yield { own, waiting, last };
}

function served({ own }: TurnWish, { instead }: TurnPlan): readonly string[] {
  return own.map((tenant, index) => instead[index] ?? tenant);
}

function fail(claim: string, found: unknown): never {
  throw new Error(`not ${claim}: ${JSON.stringify(found)}`);
}

function countOf(names: readonly string[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return counts;
}

describe("planTurns, in every case of four tenants and four messages", () => {
  test("nobody has two turns more than anybody who waits", () => {
    for (const wish of everyWish()) {
      const counts = countOf(served(wish, planTurns(wish)));
      const turns = [...new Set([...wish.own, ...wish.waiting])].map((tenant) => counts.get(tenant) ?? 0);
      if (Math.max(...turns) - Math.min(...turns) > 1) fail("fair", { wish, turns });
    }
  });

  test("whoever is behind the last one comes first, and the plan ends where the next one goes on", () => {
    for (const wish of everyWish()) {
      const cycle = [...new Set([...wish.own, ...wish.waiting])].sort();
      const behind = cycle.find((tenant) => wish.last === null || tenant > wish.last) ?? cycle[0];
      const plan = planTurns(wish);
      const turns = served(wish, plan);
      if (behind === undefined || !turns.includes(behind) || !turns.includes(plan.last))
        fail("in turn", { wish, plan });
      const place = (cycle.indexOf(behind ?? "") + wish.own.length - 1) % cycle.length;
      if (plan.last !== cycle[place]) fail("where the turns end", { wish, plan });
    }
  });

  test("no message is given away while its own tenant has a turn without a message", () => {
    for (const wish of everyWish()) {
      const { instead } = planTurns(wish);
      const givenAway = wish.own.filter((_, index) => instead[index] !== null);
      if (givenAway.some((tenant) => instead.includes(tenant))) fail("kept", { wish, instead });
    }
  });

  test("one by one, everybody who waits has a turn before anybody has the second", () => {
    for (const waiting of subsets(TENANTS))
      for (const own of TENANTS) {
        let last: string | null = null;
        const turns: string[] = [];
        const cycle = new Set([own, ...waiting]);
        for (let turn = 0; turn < cycle.size * 2; turn++) {
          const plan = planTurns({ own: [own], waiting, last });
          turns.push(plan.instead[0] ?? own);
          last = plan.last;
        }
        expect(new Set(turns.slice(0, cycle.size))).toEqual(cycle);
        expect(turns.slice(cycle.size)).toEqual(turns.slice(0, cycle.size));
      }
  });
});

test("a tenant alone keeps its messages", () => {
  expect(planTurns({ own: ["a", "a"], waiting: ["a"], last: "a" })).toEqual({
    instead: [null, null],
    last: "a",
  });
  expect(planTurns({ own: [NO_TENANT], waiting: [], last: null })).toEqual({
    instead: [null],
    last: NO_TENANT,
  });
});

test("names are in the order of their characters, as in the database", () => {
  const { instead, last } = planTurns({ own: ["x", "x", "x", "x"], waiting: ["B", "_b", "a"], last: "A" });
  expect({ instead, last }).toEqual({ instead: [null, "B", "_b", "a"], last: "x" });
});
