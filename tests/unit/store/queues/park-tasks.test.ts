import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { QUEUE_PAUSES_MAX } from "@millrace/core/limits";
import {
  cancelTask,
  claimAttempts,
  countLevels,
  countParked,
  findTask,
  listOverdueLevels,
  listParkedNames,
  listPauses,
  listTasks,
  loadDispatches,
  parkTasks,
  pauseQueue,
  readStoreClock,
  resumeQueue,
  type Sql,
  settleAttempts,
  takeComing,
  takeParked,
  takeUnpublished,
} from "@millrace/store";
import {
  completion,
  failure,
  openTaskStore,
  submitOne,
  type TaskStore,
} from "../../../support/task-store.ts";

let store: TaskStore;
beforeAll(async () => {
  store = await openTaskStore();
}, 60_000);
afterAll(() => store?.close());
beforeEach(async () => {
  await store.sql`truncate queue_pauses, tasks, open_tasks, outcomes, task_keys`;
});

const LEVEL = { lane: "short", priority: 5 } as const;
const pause = (name: string) => pauseQueue(store.sql, { name, pausedBy: 1, reason: null });
const park = (seq: number, attempt = 1) => parkTasks(store.sql, [{ seq, attempt, taskType: "simulate" }]);
const inAnHour = async () => new Date((await readStoreClock(store.sql)).getTime() + 3_600_000);

describe("a parked task", () => {
  test("is met by nobody who looks for what is due, and has used up no attempt", async () => {
    await pause("simulate");
    const seq = await submitOne(store.sql, { task_id: "parked" });
    expect(await park(seq)).toEqual([true]);
    expect(await park(seq)).toEqual([true]); // A second message of it.
    const later = await inAnHour();
    expect(await takeUnpublished(store.sql, { level: LEVEL, dueBefore: later, limit: 10 })).toEqual([]);
    expect(await listOverdueLevels(store.sql, later)).toEqual([]);
    expect(await takeComing(store.sql, { from: new Date(0), until: later, limitPerLevel: 10 })).toEqual([]);
    expect(await loadDispatches(store.sql, [seq])).toEqual([]);
    const shown = { phase: "parked", status: "pending", attempts: 0, nextAttemptAt: null };
    expect(await findTask(store.sql, "parked")).toMatchObject(shown);
    expect(
      await listTasks(store.sql, { ownerId: null, status: "pending", limit: 9, offset: 0 }),
    ).toMatchObject([shown]);
  });

  test("goes on with its next attempt, after failures too", async () => {
    const seq = await submitOne(store.sql, { task_id: "failed-once" });
    await claimAttempts(store.sql, "w~1", [{ seq, attempt: 1 }]);
    await settleAttempts(store.sql, "w~1", [failure(seq)]);
    await pause("simulate");
    expect(await park(seq, 1)).toEqual([false]); // A message of long ago.
    expect(await park(seq, 2)).toEqual([true]);
    await resumeQueue(store.sql, "simulate");
    expect(await takeParked(store.sql, { name: "simulate", limit: 10 })).toEqual([seq]);
    expect(await loadDispatches(store.sql, [seq])).toMatchObject([{ dispatch: { attempt: 2, failures: 1 } }]);
    expect(await findTask(store.sql, "failed-once")).toMatchObject({ phase: "queued" });
  });

  test("may be claimed by who has not heard of it, cancelled, and is then parked no more", async () => {
    await pause("simulate");
    const [run, cancelled] = [await submitOne(store.sql, { task_id: "run" }), await submitOne(store.sql)];
    await park(run);
    await park(cancelled);
    expect(await claimAttempts(store.sql, "w~1", [{ seq: run, attempt: 1 }])).toEqual([{ kind: "claimed" }]);
    expect(await park(run)).toEqual([false]);
    expect(await cancelTask(store.sql, cancelled, "test")).toEqual(
      expect.objectContaining({ running: null }),
    );
    expect(await listParkedNames(store.sql)).toEqual([]);
    await settleAttempts(store.sql, "w~1", [completion(run)]);
    expect(await findTask(store.sql, "run")).toMatchObject({ phase: "done", attempts: 1 });
  });
});

describe("nothing is parked", () => {
  test("for what is not paused, or is paused as a lane", async () => {
    const seq = await submitOne(store.sql);
    expect(await park(seq)).toEqual([false]);
    await pause("short");
    expect(await parkTasks(store.sql, [{ seq, attempt: 1, taskType: "short" }])).toEqual([false]);
  });

  test("for what waits for a parent, is claimed, or has ended; its neighbours are", async () => {
    await pause("simulate");
    const [waiting, claimed, ended, free] = [
      await submitOne(store.sql),
      await submitOne(store.sql),
      await submitOne(store.sql),
      await submitOne(store.sql),
    ];
    await store.sql`update open_tasks set waiting_for = 1 where seq = ${waiting}`;
    await claimAttempts(store.sql, "w~1", [{ seq: claimed, attempt: 1 }]);
    await cancelTask(store.sql, ended, "test");
    const parkings = [free, ended, claimed, waiting].map((seq) => ({
      seq,
      attempt: 1,
      taskType: "simulate",
    }));
    expect(await parkTasks(store.sql, parkings)).toEqual([true, false, false, false]);
  });

  test("behind the back of a pause that ends at the same moment", async () => {
    for (let round = 0; round < 30; round += 1) {
      await pause("simulate");
      const seqs = await Promise.all(Array.from({ length: 3 }, () => submitOne(store.sql)));
      const parked = Promise.all(seqs.map((seq) => park(seq)));
      await resumeQueue(store.sql, "simulate");
      const freed = new Set(await takeParked(store.sql, { name: "simulate", limit: 100 }));
      const answers = (await parked).map(([answer]) => answer);
      for (const [index, seq] of seqs.entries()) expect(freed.has(seq)).toBe(answers[index] === true);
      expect(await listParkedNames(store.sql)).toEqual([]);
    }
  });
});

describe("pauses", () => {
  test("are kept once, with their first reason, and lanes know that they are lanes", async () => {
    const wish = { name: "long", pausedBy: 1 };
    expect(await pauseQueue(store.sql, { ...wish, reason: "first" })).toMatchObject({
      isLane: true,
      reason: "first",
    });
    expect(await pauseQueue(store.sql, { ...wish, reason: "second" })).toMatchObject({ reason: "first" });
    expect(await listPauses(store.sql)).toHaveLength(1);
    expect(await resumeQueue(store.sql, "long")).toBeTrue();
    expect(await resumeQueue(store.sql, "long")).toBeFalse();
  });

  test("have a bound, which what is paused already does not meet", async () => {
    await store.sql`
      insert into queue_pauses (name, is_lane, paused_by) select 'type-' || n, false, 1 from generate_series(1, ${QUEUE_PAUSES_MAX}) n`;
    expect(await pause("one-more")).toBeNull();
    expect(await pause("type-7")).toMatchObject({ name: "type-7" });
  });

  test("show in the phase of what they hold, before anything was parked, and in nothing else", async () => {
    await submitOne(store.sql, { task_id: "due" });
    await submitOne(store.sql, { task_id: "later", run_at: (await inAnHour()).toISOString() });
    await submitOne(store.sql, { task_id: "other", lane: "long", task_type: "http.request" });
    const phases = async () =>
      await Promise.all(["due", "later", "other"].map(async (id) => (await findTask(store.sql, id))?.phase));
    await pause("short");
    expect(await phases()).toEqual(["parked", "scheduled", "queued"]);
    await resumeQueue(store.sql, "short");
    await pause("http.request");
    expect(await phases()).toEqual(["queued", "scheduled", "parked"]);
  });
});

describe("counts", () => {
  test("tell waiting, due, running and the age of the first, level by level", async () => {
    const running = await submitOne(store.sql);
    await claimAttempts(store.sql, "w~1", [{ seq: running, attempt: 1 }]);
    const due = await submitOne(store.sql);
    await submitOne(store.sql, { run_at: (await inAnHour()).toISOString() });
    await store.sql`update open_tasks set ready_at = ready_at - interval '10 seconds' where seq = ${due}`;
    const levels = await countLevels(store.sql);
    const level = levels.find((one) => one.lane === "short" && one.priority === 5);
    expect(level).toMatchObject({ waiting: 2, due: 1, running: 1 });
    expect(level?.oldestAgeS).toBeWithin(10, 60);
    expect(
      levels.filter((one) => one !== level).every((one) => one.waiting === 0 && one.oldestAgeS === null),
    ).toBeTrue();
  });
});

/** On one connection to a database of its own: others would tell what they have read when they like. */
test("counts of a hundred thousand parked and as many waiting tasks read a bounded part", async () => {
  const { sql, close } = await openTaskStore(1);
  try {
    await sql`alter table open_tasks set (autovacuum_enabled = false)`; // It reads pages, too.
    await sql`
      insert into open_tasks (seq, lane, priority, ready_at, parked_for)
      select n, 'short', 5, 'infinity', 'simulate' from generate_series(1, 100000) n`;
    await sql`
      insert into open_tasks (seq, lane, priority, ready_at)
      select n, 'short', 5, now() - interval '1 hour' from generate_series(100001, 200000) n`;
    await sql`vacuum analyze open_tasks`;
    const level = (await countLevels(sql)).find((one) => one.lane === "short" && one.priority === 5);
    expect(level).toMatchObject({ waiting: 10_000, due: 10_000 });
    expect(await countParked(sql, ["simulate", "nothing"])).toEqual(
      new Map([
        ["simulate", 10_000],
        ["nothing", 0],
      ]),
    );
    expect(await pagesOf(sql, () => listParkedNames(sql))).toBeLessThan(60);
    expect(await pagesOf(sql, () => countLevels(sql))).toBeLessThan(2_000);
  } finally {
    await close();
  }
});

/** Pages of open_tasks and its indexes that a step touches; all of it has several thousand. */
async function pagesOf(sql: Sql, step: () => Promise<unknown>): Promise<number> {
  const read = async (): Promise<number> => {
    await sql`select pg_stat_force_next_flush()`;
    const [row] = await sql<{ pages: number }[]>`
      select (heap_blks_hit + heap_blks_read + idx_blks_hit + idx_blks_read)::integer as pages
      from pg_statio_user_tables where relname = 'open_tasks'`;
    return row?.pages ?? 0;
  };
  const before = await read();
  await step();
  return (await read()) - before;
}
