import { afterEach, beforeEach, expect, test } from "bun:test";
import { advance } from "@millrace/scheduler/advance";
import { LEVEL, pullAll } from "../../support/bus.ts";
import { end, phasesOf, submitShape } from "../../support/graph-store.ts";
import { type SchedulerUnderTest, startScheduler } from "../../support/scheduler.ts";

let it: SchedulerUnderTest;
beforeEach(async () => {
  it = await startScheduler();
}, 60_000);
afterEach(() => it.close());

test("children whose worker died before it could tell them are released and published, or fail", async () => {
  const { sql } = it.store;
  const seqs = await submitShape(sql, { a: [], b: ["a"], x: [], y: ["x"] });
  await end(sql, [seqs.get("a") ?? 0]);
  await end(sql, [seqs.get("x") ?? 0], "dead");
  await advance(it.ports);
  expect(await phasesOf(sql, ["b", "y"])).toEqual({ b: "queued", y: "dead" });
  const [delivery] = await pullAll(it.under.bus, LEVEL, 1);
  expect(JSON.parse(delivery?.body ?? "{}")).toMatchObject({ task_id: "b", attempt: 1 });
});

test("with nothing to tell it says nothing and does nothing", async () => {
  await submitShape(it.store.sql, { a: [], b: ["a"] });
  expect(await advance(it.ports)).toBe(false);
  expect(it.lines).toEqual([]);
});
