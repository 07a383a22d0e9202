import { afterEach, beforeEach, expect, test } from "bun:test";
import { startDuties } from "@millrace/scheduler/start-duties";
import { claimAttempts, findTask, settleAttempts } from "@millrace/store";
import { until } from "../../support/bus.ts";
import { beatOf, type SchedulerUnderTest, startScheduler } from "../../support/scheduler.ts";
import { death, submitClaimed, submitOne } from "../../support/task-store.ts";

let it: SchedulerUnderTest;
beforeEach(async () => {
  it = await startScheduler();
});
afterEach(() => it.close());

const OPTIONS = { retentionDays: 30, fileSweeper: { round: async () => false } };

test("a death is noticed within a second or so, not at the rescuer's next round", async () => {
  it.ports.registry.hear(beatOf("w", "a"));
  await submitClaimed(it.store.sql, "w~a", { task_id: "lost" });
  const stop = await startDuties(it.ports, OPTIONS);
  await until(
    "the first rounds are over",
    async () => (await findTask(it.store.sql, "lost"))?.phase === "running",
  );
  it.advance(60_000);
  const isBack = async () => (await findTask(it.store.sql, "lost"))?.phase === "queued";
  await until("its claim is taken back", isBack, 3_000);
  await stop();
});

test("a dead letter that nobody announced is announced and logged", async () => {
  const seq = await submitOne(it.store.sql, { task_id: "dead" });
  await claimAttempts(it.store.sql, "w~a", [{ seq, attempt: 1 }]);
  await settleAttempts(it.store.sql, "w~a", [death(seq)]);
  const stop = await startDuties(it.ports, OPTIONS);
  await until("it is logged", () =>
    it.lines.some(({ message, task_id }) => message === "dead letter" && task_id === "dead"),
  );
  await stop();
});

test("two of them do the work side by side, and each can be stopped at any moment", async () => {
  const stops = await Promise.all([startDuties(it.ports, OPTIONS), startDuties(it.ports, OPTIONS)]);
  await Promise.all(stops.map((stop) => stop()));
  expect(it.lines.filter(({ level }) => level === "WARNING" || level === "ERROR")).toEqual([]);
});
