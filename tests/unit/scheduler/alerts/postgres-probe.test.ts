import { expect, test } from "bun:test";
import { PART_DIED_TOLD_MS } from "@millrace/core/limits";
import { PostgresProbe } from "@millrace/scheduler/alerts/postgres-probe";

function probeOf(answer: () => Promise<string>) {
  const clock = { ms: 0 };
  return { clock, probe: new PostgresProbe(answer, () => clock.ms) };
}

test("a server that does not answer is missing until it does", async () => {
  let answer = () => Promise.reject<string>(new Error("gone"));
  const { probe } = probeOf(() => answer());
  await probe.ask();
  expect(probe.missing()).toBe(1);
  answer = () => Promise.resolve("12:00");
  await probe.ask();
  expect(probe.missing()).toBe(0);
});

test("a server that came back between two questions died all the same, and is told of for a while", async () => {
  let start = "12:00";
  const { probe, clock } = probeOf(async () => start);
  await probe.ask();
  start = "12:01";
  await probe.ask();
  expect(probe.missing()).toBe(1);
  clock.ms = PART_DIED_TOLD_MS + 1;
  expect(probe.missing()).toBe(0);
});

test("a question that hangs counts as no answer, and is not asked again beside it", async () => {
  let questions = 0;
  const { probe } = probeOf(() => {
    questions += 1;
    return new Promise(() => {});
  });
  await Promise.all([probe.ask(), probe.ask()]);
  expect([questions, probe.missing()]).toEqual([1, 1]);
});
