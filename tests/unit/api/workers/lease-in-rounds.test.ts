import { expect, test } from "bun:test";
import { leaseInRounds } from "@millrace/api/workers/lease-in-rounds";
import { LEASE_ROUNDS_MAX } from "@millrace/core/limits";
import type { Leasing } from "@millrace/store";

const NONE: Leasing = { isCurrent: true, free: 3, tasks: [], nextDue: null, heldBy: [] };
const HELD: Leasing = { ...NONE, heldBy: ["limit:type:render"] };

async function ask(answers: readonly Leasing[]) {
  const held: string[] = [];
  let asked = 0;
  const take = async (): Promise<Leasing> => answers[Math.min(asked++, answers.length - 1)] ?? NONE;
  return { leasing: await leaseInRounds(take, (name) => held.push(name)), held, asked };
}

test("without limits it asks once", async () => {
  expect(await ask([NONE])).toEqual({ leasing: NONE, held: [], asked: 1 });
});

test("behind what is held back it looks for what is not, and tells what is held back", async () => {
  expect(await ask([HELD, HELD, NONE])).toEqual({
    leasing: NONE,
    held: [...HELD.heldBy, ...HELD.heldBy],
    asked: 3,
  });
});

test("a bounded number of times, and then soon again", async () => {
  const { leasing, asked } = await ask([HELD]);
  expect(asked).toBe(LEASE_ROUNDS_MAX);
  expect(leasing.nextDue?.getTime()).toBeGreaterThan(Date.now() - 10_000);
});
