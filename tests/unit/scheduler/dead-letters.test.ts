import { afterEach, beforeEach, expect, test } from "bun:test";
import { publishDeadLetter } from "@millrace/bus";
import { DLQ_STREAM, deadLetterSubject } from "@millrace/protocol";
import { announce } from "@millrace/scheduler/announce";
import { monitorDeadLetters } from "@millrace/scheduler/monitor-dead-letters";
import { claimAttempts, listUnannounced, settleAttempts } from "@millrace/store";
import { until } from "../../support/bus.ts";
import {
  type LogLine,
  recordingLog,
  type SchedulerUnderTest,
  startScheduler,
} from "../../support/scheduler.ts";
import { death, newTask, submitMany } from "../../support/task-store.ts";

let it: SchedulerUnderTest;
beforeEach(async () => {
  it = await startScheduler();
});
afterEach(() => it.close());

/** Tasks that died, and whose worker died before it could say so. */
async function bury(count: number): Promise<readonly number[]> {
  const seqs = await submitMany(
    it.store.sql,
    Array.from({ length: count }, (_, index) =>
      newTask({ task_id: `dead-${index}`, payload: { index }, correlation_id: `c-${index}` }),
    ),
  );
  await claimAttempts(
    it.store.sql,
    "w~a",
    seqs.map((seq) => ({ seq, attempt: 1 })),
  );
  await settleAttempts(
    it.store.sql,
    "w~a",
    seqs.map((seq) => death(seq)),
  );
  return seqs;
}

async function copies(): Promise<number> {
  return (await it.under.bus.manager.streams.info(DLQ_STREAM)).state.messages;
}

const isLetter = ({ message }: LogLine): boolean => message === "dead letter";

test("an unannounced dead letter is written into DLQ once, with all that an operator needs", async () => {
  await bury(1);
  expect(await announce(it.ports)).toBe(false);
  expect(await announce(it.ports)).toBe(false);
  expect(await copies()).toBe(1);
  const copy = await it.under.bus.manager.streams.getMessage(DLQ_STREAM, { seq: 1 });
  expect(copy?.subject).toBe(deadLetterSubject("short", "simulate"));
  expect(copy?.json<unknown>()).toEqual({
    task_id: "dead-0",
    task_type: "simulate",
    lane: "short",
    payload: { index: 0 },
    attempts: 1,
    error: { code: "BOOM", message: "it failed for good" },
    died_at: expect.any(String),
    correlation_id: "c-0",
  });
});

test("more than one round's letters are told to be more, and all get there, by two schedulers too", async () => {
  await bury(250);
  expect(await announce(it.ports)).toBe(true);
  const all = async (): Promise<void> => {
    while (await announce(it.ports));
  };
  await Promise.all([all(), all()]);
  expect([await copies(), await listUnannounced(it.store.sql, 10)]).toEqual([250, []]);
});

test("the copy that the worker wrote in the same moment is the same message", async () => {
  await bury(1);
  const [unannounced] = await listUnannounced(it.store.sql, 1);
  if (unannounced === undefined) throw new Error("there is no letter");
  await publishDeadLetter(it.under.bus, { ...unannounced.letter, died_at: new Date().toISOString() });
  await announce(it.ports);
  expect(await copies()).toBe(1);
});

test("a DLQ that was deleted is made anew by the round that misses it, and the next one writes", async () => {
  await bury(3);
  await it.under.bus.manager.streams.delete(DLQ_STREAM);
  expect(await announce(it.ports)).toBe(true);
  expect(await announce(it.ports)).toBe(false);
  expect([await copies(), await listUnannounced(it.store.sql, 10)]).toEqual([3, []]);
});

test("letters that were written stay written when one of them cannot be", async () => {
  await bury(3);
  await it.store
    .sql`update dead_letters set task_type = 'no subject' where seq = (select min(seq) from dead_letters)`;
  await expect(announce(it.ports)).rejects.toThrow();
  const left = await listUnannounced(it.store.sql, 10);
  expect([await copies(), left.map(({ letter }) => letter.task_id)]).toEqual([2, ["dead-0"]]);
});

test("every dead letter is one structured ERROR line with its id, payload and error", async () => {
  const stop = await monitorDeadLetters(it.ports);
  await bury(1);
  await announce(it.ports);
  await until("it is logged", () => it.lines.some(isLetter));
  await stop();
  expect(it.lines.filter(isLetter)).toEqual([
    expect.objectContaining({
      level: "ERROR",
      task_id: "dead-0",
      task_type: "simulate",
      lane: "short",
      attempts: 1,
      payload: { index: 0 },
      error: { code: "BOOM", message: "it failed for good" },
      correlation_id: "c-0",
    }),
  ]);
});

test("two monitors share the letters: each is logged by one of them", async () => {
  const others: LogLine[] = [];
  const stops = [
    await monitorDeadLetters(it.ports),
    await monitorDeadLetters({ ...it.ports, log: recordingLog(others) }),
  ];
  await bury(100);
  await announce(it.ports);
  const logged = () => [...it.lines, ...others].filter(isLetter).map(({ task_id }) => String(task_id));
  await until("all are logged", () => logged().length >= 100);
  await Promise.all(stops.map((stop) => stop()));
  expect(logged().sort()).toEqual(Array.from({ length: 100 }, (_, index) => `dead-${index}`).sort());
});

test("what came while no monitor ran is logged by the next one, and what was logged is not logged again", async () => {
  await (await monitorDeadLetters(it.ports))();
  await bury(1);
  await announce(it.ports);
  const stop = await monitorDeadLetters(it.ports);
  await until("it is logged", () => it.lines.some(isLetter));
  await stop();
  const later: LogLine[] = [];
  const stopLater = await monitorDeadLetters({ ...it.ports, log: recordingLog(later) });
  const consumer = () => it.under.bus.manager.consumers.info(DLQ_STREAM, "monitor");
  await until("nothing waits", async () => (await consumer()).num_ack_pending === 0);
  await stopLater();
  expect(later.filter(isLetter)).toEqual([]);
});
