import { expect, test } from "bun:test";
import { createPasswords, Gate, makeAbsentHash } from "@millrace/api/identity/passwords";
import type { Fault } from "@millrace/core";

const passwords = createPasswords(makeAbsentHash());

test("a password verifies against its own hash, and no other does", async () => {
  const hash = await passwords.hash("correct horse");
  expect(await passwords.verify("correct horse", hash)).toBe(true);
  expect(await passwords.verify("correct horsf", hash)).toBe(false);
});

test("the same password has another hash each time: salted", async () => {
  expect(await passwords.hash("correct horse")).not.toBe(await passwords.hash("correct horse"));
});

test("an absent hash refuses, after work of the same order", async () => {
  const hash = await passwords.hash("correct horse");
  const time = async (against: string | undefined) => {
    const startedMs = performance.now();
    expect(await passwords.verify("wrong horse", against)).toBe(false);
    return performance.now() - startedMs;
  };
  const times = { known: Number.POSITIVE_INFINITY, absent: Number.POSITIVE_INFINITY };
  for (let n = 0; n < 5; n += 1) {
    times.known = Math.min(times.known, await time(hash));
    times.absent = Math.min(times.absent, await time(undefined));
  }
  expect(times.absent).toBeGreaterThan(times.known / 3);
});

test("a gate lets in so many, queues so many, in order, and refuses the rest", async () => {
  const gate = new Gate(2, 3);
  const order: number[] = [];
  let inside = 0;
  let insideMost = 0;
  const ends: (() => void)[] = [];
  const work = (n: number) => async () => {
    order.push(n);
    inside += 1;
    insideMost = Math.max(insideMost, inside);
    await new Promise<void>((resolve) => ends.push(resolve));
    inside -= 1;
  };
  const passes = [0, 1, 2, 3, 4].map((n) => gate.pass(work(n)));
  expect(await gate.pass(work(5)).catch((error: Fault) => error.code)).toBe("OVERLOADED");
  expect(order).toEqual([0, 1]);
  for (let n = 0; n < 5; n += 1) {
    ends[n]?.();
    await passes[n];
    await Promise.resolve();
  }
  await Promise.all(passes);
  expect(order).toEqual([0, 1, 2, 3, 4]);
  expect(insideMost).toBe(2);
});

test("work that fails gives its place back", async () => {
  const gate = new Gate(1, 0);
  const failing = gate.pass(async () => {
    throw new Error("x");
  });
  expect(failing).rejects.toThrow("x");
  await failing.catch(() => undefined);
  expect(await gate.pass(async () => "in")).toBe("in");
});
