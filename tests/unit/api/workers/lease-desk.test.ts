import { expect, test } from "bun:test";
import { type LeaseAsk, LeaseDesk } from "@millrace/api/workers/lease-desk";
import { levelOrder } from "@millrace/core";
import type { LeasedTask, LeaseWish, Leasing, RemoteWorker } from "@millrace/store";

const LONG_MS = 30_000;

function task(n: number): LeasedTask {
  return {
    ...{ seq: n, taskId: `t-${n}`, taskType: "render", attempt: 1, payload: {}, hasTemplates: false },
    ...{
      lane: "long",
      priority: 5,
      timeoutS: 60,
      maxAttempts: 3,
      traceContext: null,
      correlationId: "c",
      leaseUntil: new Date(),
    },
  } as const;
}

function workerOf(workerId: string, slots = 10): RemoteWorker {
  return {
    ...{
      workerId,
      ownerId: 1,
      session: `${workerId}~1`,
      instance: null,
      servesAll: true,
      capabilities: ["render"],
    },
    ...{ maxConcurrentTasks: slots, heartbeatS: 30, isDraining: false, registeredAt: new Date() },
  };
}

interface Room {
  readonly desk: LeaseDesk;
  readonly asked: LeaseWish[];
  readonly given: string[];
  waiting: number;
  ask(worker: RemoteWorker, more?: Partial<LeaseAsk>): Promise<Leasing>;
}

/** A database of `waiting` tasks, and a desk in front of it. */
function room(usage: Readonly<Record<string, number>> = {}): Room {
  const it: Room = {
    asked: [],
    given: [],
    waiting: 0,
    desk: new LeaseDesk({
      take: async (wish) => {
        it.asked.push(wish);
        await Promise.resolve();
        const tasks = Array.from({ length: Math.min(it.waiting, wish.tasksMax) }, (_, n) => task(n));
        it.waiting -= tasks.length;
        return { isCurrent: true, free: 10, tasks, nextDue: null, heldBy: [] };
      },
      usageOf: (workerId) => ({ cpu: usage[workerId] ?? null, memory: null }),
      giveBack: (worker) => void it.given.push(worker.workerId),
    }),
    ask: (worker, more = {}) =>
      it.desk.lease({
        ...{ worker, ownerId: null, tasksMax: 1, waitMs: LONG_MS, signal: new AbortController().signal },
        ...more,
      }),
  };
  return it;
}

/** Until whatever was begun has been done. */
async function settled(): Promise<void> {
  for (let turns = 0; turns < 20; turns += 1) await Promise.resolve();
}

test("what is there is given at once; without anything it waits, and asks nothing until something happens", async () => {
  const it = room();
  it.waiting = 1;
  expect((await it.ask(workerOf("a"))).tasks).toHaveLength(1);
  const waits = it.ask(workerOf("a"));
  await settled();
  expect(it.asked).toHaveLength(2);
  it.desk.nudgeTypes(["another"]);
  await settled();
  expect(it.asked).toHaveLength(2);
  it.waiting = 1;
  it.desk.nudgeTypes(["render"]);
  expect((await waits).tasks).toHaveLength(1);
  expect(it.desk.waiting).toBe(0);
});

test("of several that wait the least loaded one gets the next task", async () => {
  const it = room({ busy: 0.9, calm: 0.1 });
  const busy = it.ask(workerOf("busy"));
  const calm = it.ask(workerOf("calm"));
  await settled();
  it.waiting = 1;
  it.desk.nudgeTypes(["render"]);
  expect((await calm).tasks).toHaveLength(1);
  it.desk.release(() => true);
  expect((await busy).tasks).toEqual([]);
});

test("a burst is spread over those who wait, and what one does not find the others do not look for", async () => {
  const it = room();
  const all = ["a", "b", "c", "d"].map((id) => it.ask(workerOf(id), { tasksMax: 8 }));
  await settled();
  it.waiting = 8;
  it.desk.nudgeAll();
  await settled();
  await settled();
  it.desk.release(() => true);
  const counts = (await Promise.all(all)).map(({ tasks }) => tasks.length);
  expect(counts.reduce((sum, count) => sum + count, 0)).toBe(8);
  expect(Math.max(...counts)).toBeLessThanOrEqual(4);
});

test("one word that finds nothing costs one look of a group, however many wait", async () => {
  const it = room();
  const all = Array.from({ length: 30 }, (_, n) => it.ask(workerOf(`w-${n}`)));
  await settled();
  const before = it.asked.length;
  it.desk.nudgeAll();
  await settled();
  expect(it.asked.length - before).toBeLessThanOrEqual(4);
  it.desk.release(() => true);
  await Promise.all(all);
});

test("the time that is over ends the waiting, also in the midst of a look", async () => {
  const it = room();
  expect((await it.ask(workerOf("a"), { waitMs: 0 })).tasks).toEqual([]);
  const waits = it.ask(workerOf("a"));
  it.desk.release(() => true); // While it looks.
  expect((await waits).tasks).toEqual([]);
  expect(it.desk.waiting).toBe(0);
});

test("what was leased for a client that has gone away is given back", async () => {
  const it = room();
  const gone = new AbortController();
  it.waiting = 1;
  const asked = it.ask(workerOf("gone"), { signal: gone.signal });
  gone.abort();
  await asked;
  expect(it.given).toEqual(["gone"]);
});

test("levels are asked in turns that starve none", async () => {
  const it = room();
  for (let turn = 0; turn < 6; turn += 1) {
    it.waiting = 1;
    await it.ask(workerOf("a"));
  }
  expect(it.asked.map((wish) => wish.priorities)).toEqual([0, 1, 2, 3, 4, 5].map(levelOrder));
});

test("a failure of the database is the caller's to hear, and nobody else's", async () => {
  const it = room();
  const desk = new LeaseDesk({
    take: async () => {
      throw new Error("away");
    },
    usageOf: () => ({ cpu: null, memory: null }),
    giveBack: () => {},
  });
  const ask = { ownerId: null, tasksMax: 1, waitMs: LONG_MS, signal: new AbortController().signal };
  await expect(desk.lease({ worker: workerOf("a"), ...ask })).rejects.toThrow("away");
  expect([desk.waiting, it.desk.waiting]).toEqual([0, 0]);
});

test("whoever has ordered something waits for the looks that are under way, and for no other", async () => {
  const gate = Promise.withResolvers<void>();
  const desk = new LeaseDesk({
    take: async () => {
      await gate.promise;
      return { isCurrent: true, free: 10, tasks: [task(1)], nextDue: null, heldBy: [] };
    },
    usageOf: () => ({ cpu: null, memory: null }),
    giveBack: () => {},
  });
  await desk.settled();
  const leasing = desk.lease({
    ...{ worker: workerOf("a"), ownerId: null, tasksMax: 1, waitMs: LONG_MS },
    signal: new AbortController().signal,
  });
  let isSettled = false;
  const waiting = desk.settled().then(() => {
    isSettled = true;
  });
  await settled();
  expect(isSettled).toBe(false);
  gate.resolve();
  await waiting;
  expect((await leasing).tasks).toHaveLength(1);
});
