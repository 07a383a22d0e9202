import { afterEach, beforeEach, expect, test } from "bun:test";
import { BreakerBoard } from "@millrace/bus";
import { breakerName, limitName } from "@millrace/core";
import { TASKS_STREAM } from "@millrace/protocol";
import { HeldReleaser } from "@millrace/scheduler/release-held";
import { unpark } from "@millrace/scheduler/unpark";
import { findTask, holdTasks, putLimit } from "@millrace/store";
import { type SchedulerUnderTest, startScheduler } from "../../support/scheduler.ts";
import { newTask, submitMany } from "../../support/task-store.ts";

const ORIGIN = "https://api.example.org";

let it: SchedulerUnderTest;
let releaser: HeldReleaser;
let board: BreakerBoard;
let nudges: number;
beforeEach(async () => {
  it = await startScheduler();
  nudges = 0;
  releaser = new HeldReleaser(it.ports, () => {
    nudges += 1;
  });
  board = new BreakerBoard({ bus: it.under.bus });
  await releaser.start();
}, 60_000);
afterEach(async () => {
  releaser?.stop();
  await it?.close();
});

const messages = async () => (await it.under.bus.manager.streams.info(TASKS_STREAM)).state.messages;

async function hold(name: string, count: number): Promise<void> {
  const tasks = Array.from({ length: count }, (_, index) => newTask({ task_id: `${name}-${index}` }));
  const seqs = await submitMany(it.store.sql, tasks);
  await holdTasks(
    it.store.sql,
    seqs.map((seq) => ({ seq, attempt: 1, name })),
  );
}

/** The board of the releaser hears it from another process. */
async function steer(to: "open" | "closed"): Promise<void> {
  const before = nudges;
  await board.change(ORIGIN, { kind: "force", to, nowMs: Date.now(), by: "user:1", reason: null });
  const deadlineMs = performance.now() + 10_000;
  while (nudges === before && performance.now() < deadlineMs) await Bun.sleep(5);
  expect(nudges).toBeGreaterThan(before);
}

test("what a breaker holds stays while it is open, and all of it goes on when it is not", async () => {
  await hold(breakerName(ORIGIN), 30);
  await steer("open");
  expect(await releaser.round()).toBeFalse();
  expect(await unpark(it.ports)).toBeFalse(); // Which sees to pauses alone.
  expect(await messages()).toBe(0);
  await steer("closed");
  expect(await releaser.round()).toBeFalse();
  expect(await messages()).toBe(30);
  expect(await findTask(it.store.sql, `${breakerName(ORIGIN)}-7`)).toMatchObject({ phase: "queued" });
});

test("what waits for a breaker that nobody knows any more goes on", async () => {
  await hold(breakerName("https://forgotten.example.org"), 3);
  await releaser.round();
  expect(await messages()).toBe(3);
});

test("as much goes on as a limit has room for, and all of it when there is no limit any more", async () => {
  const wish = {
    scope: "tenant",
    name: "acme",
    ratePerSecond: 0.001,
    burst: 4,
    maxConcurrent: null,
  } as const;
  await putLimit(it.store.sql, wish, 1);
  await hold(limitName("tenant", "acme"), 10);
  await hold(limitName("type", "gone"), 2);
  await releaser.round();
  expect(await messages()).toBe(6);
});

test("what was written by nobody we know goes on", async () => {
  await hold("planet:earth", 2);
  await releaser.round();
  expect(await messages()).toBe(2);
});
