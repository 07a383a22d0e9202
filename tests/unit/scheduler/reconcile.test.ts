import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { provision, readQueueHead } from "@millrace/bus";
import type { Level } from "@millrace/protocol";
import { TASKS_STREAM } from "@millrace/protocol";
import { reconcile } from "@millrace/scheduler/reconcile";
import {
  claimAttempts,
  listOverdueLevels,
  loadDispatches,
  pauseQueue,
  readStoreClock,
  resumeQueue,
} from "@millrace/store";
import { LEVEL, pullAll, seqsOf, until } from "../../support/bus.ts";
import { type SchedulerUnderTest, startScheduler } from "../../support/scheduler.ts";
import { newTask, submitMany, submitOne } from "../../support/task-store.ts";

let it: SchedulerUnderTest;
beforeEach(async () => {
  it = await startScheduler();
});
afterEach(() => it.close());

const GRACE_MS = 300;
const OTHER = { lane: "long", priority: 9 } as const;

const round = (graceMs = GRACE_MS) => reconcile(it.ports, { graceMs });

async function messages(): Promise<number> {
  return (await it.under.bus.manager.streams.info(TASKS_STREAM)).state.messages;
}

/** As the api does after the commit. */
async function publish(seqs: readonly number[]): Promise<void> {
  const due = await loadDispatches(it.store.sql, seqs);
  await it.ports.publisher.publish(due.map(({ dispatch }) => ({ dispatch })));
}

/** Waits until the grace of all that is due now is over. */
async function untilGraceEnds(graceMs = GRACE_MS): Promise<void> {
  const due = await readStoreClock(it.store.sql);
  await until("the grace is over", async () => {
    const now = await readStoreClock(it.store.sql);
    return now.getTime() - due.getTime() > graceMs;
  });
}

/** How many are due since before the grace. */
async function overdueLevels(): Promise<number> {
  const now = await readStoreClock(it.store.sql);
  return (await listOverdueLevels(it.store.sql, new Date(now.getTime() - GRACE_MS))).length;
}

async function pulled(count: number, level: Level = LEVEL): Promise<readonly number[]> {
  return seqsOf(await pullAll(it.under.bus, level, count)).sort((a, b) => a - b);
}

test("a task without a message gets one after the grace, not before, and no second one", async () => {
  const seq = await submitOne(it.store.sql);
  await round();
  expect(await messages()).toBe(0);
  await untilGraceEnds();
  await round();
  await round();
  expect(await messages()).toBe(1);
  expect(await pulled(1)).toEqual([seq]);
  expect(it.lines).toContainEqual(
    expect.objectContaining({
      level: "WARNING",
      message: "tasks had lost their messages and got new ones",
      tasks: 1,
      ...LEVEL,
    }),
  );
});

test("tasks whose messages wait in the queue are left alone, however long they are overdue", async () => {
  await publish(
    await submitMany(
      it.store.sql,
      Array.from({ length: 50 }, () => newTask()),
    ),
  );
  await untilGraceEnds();
  expect(await overdueLevels()).toBe(1);
  for (let rounds = 0; rounds < 3; rounds++) expect(await round()).toBe(false);
  expect(await messages()).toBe(50);
});

test("a task that the queue has passed by gets a message, and those behind the front none", async () => {
  const lost = await submitOne(it.store.sql);
  await untilGraceEnds();
  const waiting = await submitOne(it.store.sql);
  await publish([waiting]);
  await untilGraceEnds();
  await round();
  expect(await messages()).toBe(2);
  expect(await pulled(2)).toEqual([lost, waiting]);
});

test("what is claimed, not due yet, or far off is left alone", async () => {
  const claimed = await submitOne(it.store.sql);
  await claimAttempts(it.store.sql, "w~1", [{ seq: claimed, attempt: 1 }]);
  await submitOne(it.store.sql, { run_at: new Date(Date.now() + 60_000).toISOString() });
  await submitOne(it.store.sql, { run_at: new Date(Date.now() + 86_400_000).toISOString() });
  await untilGraceEnds();
  await round();
  expect(await messages()).toBe(0);
});

test("a paused lane is left alone, and made up for when it goes on", async () => {
  const seq = await submitOne(it.store.sql);
  const beside = await submitOne(it.store.sql, OTHER);
  await pauseQueue(it.store.sql, { name: LEVEL.lane, pausedBy: 1, reason: null });
  await untilGraceEnds();
  for (let rounds = 0; rounds < 3; rounds++) await round();
  expect(await pulled(1, OTHER)).toEqual([beside]);
  expect(await messages()).toBe(1);
  await resumeQueue(it.store.sql, LEVEL.lane);
  await round();
  expect(await pulled(1)).toEqual([seq]);
});

describe("everything that was due gets a message again", () => {
  const TASKS = 600;

  async function submitPublished(): Promise<readonly number[]> {
    const tasks = Array.from({ length: TASKS }, (_, index) => newTask(index % 2 === 0 ? LEVEL : OTHER));
    const seqs = await submitMany(it.store.sql, tasks);
    await publish(seqs);
    return seqs;
  }

  test("when the stream was deleted, without waiting for the grace", async () => {
    const seqs = await submitPublished();
    await it.under.bus.manager.streams.delete(TASKS_STREAM);
    expect(await round()).toBe(true); // It is there again; what it held follows.
    await round();
    expect(await messages()).toBe(TASKS);
    expect([...(await pulled(TASKS / 2)), ...(await pulled(TASKS / 2, OTHER))].sort((a, b) => a - b)).toEqual(
      [...seqs],
    );
    expect(it.lines.filter(({ level }) => level === "ERROR")).toHaveLength(1);
  });

  test("when somebody else made the deleted stream anew", async () => {
    await submitPublished();
    await it.under.bus.manager.streams.delete(TASKS_STREAM);
    await provision(it.under.bus);
    await round();
    expect(await messages()).toBe(TASKS);
  });

  test("when the stream was purged, after the grace", async () => {
    await submitPublished();
    await it.under.bus.manager.streams.purge(TASKS_STREAM);
    await untilGraceEnds();
    await round();
    expect(await messages()).toBe(TASKS);
  });

  test("when a level's consumer was deleted: it is made anew, and the messages were never gone", async () => {
    await submitPublished();
    await it.under.bus.manager.consumers.delete(TASKS_STREAM, "short-p5");
    expect(await round()).toBe(true);
    expect(await pulled(TASKS / 2)).toHaveLength(TASKS / 2);
    expect((await readQueueHead(it.under.bus, OTHER)).pending).toBe(TASKS / 2);
  });
});

test("two schedulers at once give 5 000 tasks one message each", async () => {
  // What one has taken must be published within the grace, or the other takes it for lost.
  const graceMs = 3_000;
  const seqs = await submitMany(
    it.store.sql,
    Array.from({ length: 5_000 }, (_, index) => newTask(index % 5 === 0 ? OTHER : LEVEL)),
  );
  await untilGraceEnds(graceMs);
  const all = async (): Promise<void> => {
    for (let rounds = 0; rounds < 10; rounds++) await round(graceMs);
  };
  await Promise.all([all(), all()]);
  expect(await messages()).toBe(5_000);
  const [row] = await it.store.sql<{ waiting: number }[]>`
    select count(*)::integer as waiting from open_tasks where claimed_by is null`;
  expect([row?.waiting, seqs.length]).toEqual([5_000, 5_000]);
}, 20_000);

test("while NATS is away a round fails, and what it took is published by a later one", async () => {
  await submitOne(it.store.sql);
  await untilGraceEnds();
  const publisher = { publish: () => Promise.reject(new Error("NATS is away")), drain: async () => {} };
  await expect(reconcile({ ...it.ports, publisher }, { graceMs: GRACE_MS })).rejects.toThrow("NATS is away");
  await untilGraceEnds();
  await round();
  expect(await messages()).toBe(1);
});

test("two thousand of the largest payloads are published in pieces that the publisher takes", async () => {
  const pieces: number[] = [];
  const publisher = {
    publish: async (outgoing: readonly unknown[]) => {
      pieces.push(outgoing.length);
      return outgoing.map(() => true);
    },
    drain: async () => {},
  };
  await submitMany(
    it.store.sql,
    Array.from({ length: 1_000 }, () => newTask()),
  );
  await untilGraceEnds();
  await reconcile({ ...it.ports, publisher }, { graceMs: GRACE_MS });
  expect(pieces.reduce((sum, piece) => sum + piece, 0)).toBe(1_000);
  // 128 MiB may wait for the publisher, and one message may have more than 256 KiB.
  expect(Math.max(...pieces)).toBeLessThanOrEqual(200);
});
