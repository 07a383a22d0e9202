import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { SCHEDULE_LATE_MS_MAX, SCHEDULE_RUNS_KEPT } from "@millrace/core/limits";
import {
  cancelTask,
  changeSchedule,
  createSchedule,
  deleteSchedule,
  findSchedule,
  findTask,
  fireDue,
  listScheduleRuns,
  listSchedules,
  nextWakeMs,
  openPool,
  postponeFirst,
  triggerSchedule,
} from "@millrace/store";
import { neglect, newSchedule, scheduleWish } from "../../../support/schedules.ts";
import { newTask, openTaskStore, submitOne, type TaskStore } from "../../../support/task-store.ts";

let store: TaskStore;
beforeAll(async () => {
  store = await openTaskStore();
}, 60_000);
afterAll(() => store?.close());
beforeEach(async () => {
  await store.sql`truncate schedules, schedule_runs, tasks, open_tasks, task_keys`;
});

const fire = (limit = 100) => fireDue(store.sql, limit);
const runsOf = (scheduleId: string) => listScheduleRuns(store.sql, scheduleId, 1_000);
const LATE_S = SCHEDULE_LATE_MS_MAX / 1000;
const HOURLY = { kind: "every", seconds: 3_600 } as const;

async function idsOfTasks(): Promise<readonly string[]> {
  const rows = await store.sql<{ task_id: string }[]>`select task_id from tasks order by seq`;
  return rows.map((row) => row.task_id);
}

describe("a tick", () => {
  test("makes its task once, in the words of the schedule, at its time", async () => {
    await newSchedule(store.sql, { scheduleId: "nightly", ownerId: 7, rhythm: HOURLY });
    await neglect(store.sql, "nightly", 2);
    const { tasks, missed } = await fire();
    expect(tasks).toHaveLength(1);
    expect(missed).toEqual([]);
    const [run] = await runsOf("nightly");
    const tick = run?.tickAt.toISOString().replace(".000Z", "Z") ?? "";
    expect(await findTask(store.sql, `nightly:${tick}`)).toMatchObject({
      ...{
        ownerId: 7,
        taskType: "simulate",
        phase: "queued",
        runAt: run?.tickAt ?? null,
        correlationId: `nightly:${tick}`,
      },
    });
    expect(run).toMatchObject({ kind: "fired", taskId: `nightly:${tick}` });
    expect((await fire()).tasks).toEqual([]);
    const after = await findSchedule(store.sql, "nightly");
    expect(after?.lastRunAt).toEqual(run?.tickAt ?? null);
    expect((after?.nextRunAt?.getTime() ?? 0) - (run?.tickAt.getTime() ?? 0)).toBe(3_600_000);
  });

  test("is run by one of many schedulers, each second of twenty by exactly one", async () => {
    await newSchedule(store.sql);
    await neglect(store.sql, "each-second", LATE_S - 1);
    await Promise.all(Array.from({ length: 8 }, () => fire()));
    const ids = await idsOfTasks();
    expect(new Set(ids).size).toBe(ids.length);
    const runs = await runsOf("each-second");
    const ticks = runs.map((run) => run.tickAt.getTime() / 1000).toReversed();
    expect(ticks.length).toBeGreaterThanOrEqual(LATE_S);
    for (const [index, tick] of ticks.entries()) expect(tick).toBe((ticks[0] ?? 0) + index);
    expect(ids).toHaveLength(ticks.length);
  });

  test("leaves neither task nor step behind when its scheduler dies before the commit", async () => {
    await newSchedule(store.sql, { rhythm: HOURLY });
    await neglect(store.sql, "each-second", 1);
    const victim = openPool({ url: store.url, max: 1, applicationName: "victim" });
    const [{ pid } = { pid: 0 }] = await victim<{ pid: number }[]>`select pg_backend_pid() as pid`;
    await store.sql.begin(async (blocker) => {
      await blocker`lock table schedule_runs in access exclusive mode`;
      const dying = fireDue(victim, 100).then(
        () => "fired",
        () => "died",
      );
      const isStuck = async () =>
        (await store.sql`select 1 from pg_stat_activity where pid = ${pid} and wait_event_type = 'Lock'`)
          .length === 1;
      while (!(await isStuck())) await Bun.sleep(5);
      await store.sql`select pg_terminate_backend(${pid})`;
      expect(await dying).toBe("died");
    });
    await victim.end({ timeout: 1 });
    expect(await idsOfTasks()).toEqual([]);
    expect((await fire()).tasks).toHaveLength(1);
  });

  test("whose task id somebody has taken gets one that cannot be foreseen", async () => {
    const { nonce } = await newSchedule(store.sql, { scheduleId: "wanted", rhythm: HOURLY });
    await neglect(store.sql, "wanted", 1);
    const tick = (await findSchedule(store.sql, "wanted"))?.nextRunAt?.toISOString().replace(".000Z", "Z");
    await submitOne(store.sql, { task_id: `wanted:${tick}`, owner_id: 666 });
    expect((await fire()).tasks.map(({ task }) => task.task_id)).toEqual([`wanted:${tick}:${nonce}`]);
  });

  test("of a paused, ended or deleted schedule makes nothing", async () => {
    await newSchedule(store.sql, { scheduleId: "paused", isPaused: true });
    await newSchedule(store.sql, { scheduleId: "ended", endAt: new Date(Date.now() - 5_000) });
    await newSchedule(store.sql, { scheduleId: "deleted", rhythm: HOURLY });
    await neglect(store.sql, "deleted", 1);
    expect(await deleteSchedule(store.sql, "deleted")).toBeTrue();
    expect(await deleteSchedule(store.sql, "deleted")).toBeFalse();
    expect((await fire()).tasks).toEqual([]);
    expect(await nextWakeMs(store.sql)).toBeNull();
  });
});

describe("what was missed", () => {
  test.each([
    ["skip", 0],
    ["latest", 1],
    ["catch_up", 6],
  ] as const)("under %s makes %p tasks of six hours", async (missed, count) => {
    await newSchedule(store.sql, { rhythm: HOURLY, missed });
    await neglect(store.sql, "each-second", 5 * 3_600 + 60);
    const firing = await fire();
    expect(firing.tasks).toHaveLength(count);
    expect(firing.missed).toEqual(missed === "catch_up" ? [] : ["each-second"]);
    expect(await nextWakeMs(store.sql)).toBeGreaterThan(3_000_000);
  });

  test("comes in portions of a hundred, and says that there is more", async () => {
    await newSchedule(store.sql);
    await neglect(store.sql, "each-second", 250);
    const counts: number[] = [];
    for (let isMore = true; isMore; ) {
      const firing = await fire();
      counts.push(firing.tasks.length);
      isMore = firing.isMore;
    }
    expect(counts.slice(0, 2)).toEqual([100, 100]);
    expect(counts.reduce((sum, count) => sum + count)).toBeGreaterThanOrEqual(251);
    // Remembered are the last ones, and those that have not finished.
    expect((await runsOf("each-second")).length).toBeGreaterThan(SCHEDULE_RUNS_KEPT);
  });

  test("is forgotten but for the last hundred once it has ended", async () => {
    await newSchedule(store.sql);
    await neglect(store.sql, "each-second", 150);
    for (let isMore = true; isMore; ) {
      isMore = (await fire()).isMore;
      await store.sql`delete from open_tasks`;
    }
    await store.sql`update schedules set wake_at = clock_timestamp(), next_run_at = date_trunc('second', clock_timestamp())`;
    await fire();
    expect((await runsOf("each-second")).length).toBeLessThanOrEqual(SCHEDULE_RUNS_KEPT + 1);
  });
});

describe("while an earlier run is not finished", () => {
  async function due(overlap: "allow" | "skip" | "queue"): Promise<number> {
    await newSchedule(store.sql, { overlap, missed: "skip" });
    await neglect(store.sql, "each-second", 3);
    const first = await fire();
    await neglect(store.sql, "each-second", 0);
    return first.tasks.length;
  }

  test("a tick runs beside it under allow", async () => {
    expect(await due("allow")).toBeGreaterThanOrEqual(4);
    expect((await fire()).tasks.length).toBeGreaterThanOrEqual(0);
  });

  test("a tick makes no task under skip, and is remembered as skipped", async () => {
    expect(await due("skip")).toBe(1);
    const kinds = (await runsOf("each-second")).map((run) => run.kind);
    expect(kinds.filter((kind) => kind === "fired")).toHaveLength(1);
    expect(kinds.filter((kind) => kind === "skipped").length).toBeGreaterThanOrEqual(3);
  });

  test("ticks wait under queue, run one after the other, and are never missed, however late", async () => {
    await newSchedule(store.sql, {
      overlap: "queue",
      missed: "skip",
      rhythm: { kind: "every", seconds: 3_600 },
    });
    await neglect(store.sql, "each-second", 1);
    expect((await fire()).tasks).toHaveLength(1);
    // Two hours pass, while the first run goes on.
    await store.sql`update schedules set next_run_at = next_run_at - interval '2 hours', wake_at = clock_timestamp(),
      held_since = next_run_at - interval '2 hours', anchor_at = anchor_at - interval '2 hours'`;
    const held = await fire();
    expect([held.tasks, held.isMore]).toEqual([[], false]);
    const waitMs = (await nextWakeMs(store.sql)) ?? 0;
    expect(waitMs).toBeGreaterThan(0);
    expect(waitMs).toBeLessThanOrEqual(500);
    for (const expected of [1, 1, 0]) {
      await store.sql`delete from open_tasks`;
      await store.sql`update schedules set wake_at = clock_timestamp() where next_run_at <= clock_timestamp()`;
      expect((await fire()).tasks).toHaveLength(expected);
    }
    expect((await findSchedule(store.sql, "each-second"))?.heldSince).toBeNull();
  });

  test("a cancelled run is finished", async () => {
    await due("skip");
    const [open] = await store.sql<{ seq: number }[]>`select seq from open_tasks`;
    await cancelTask(store.sql, open?.seq ?? 0, "test");
    await store.sql`update schedules set next_run_at = next_run_at + interval '1 day',
      wake_at = clock_timestamp()`;
    await store.sql`update schedules set next_run_at = date_trunc('second', clock_timestamp()) - interval '1 second'`;
    await store.sql`delete from schedule_runs where kind = 'skipped'`;
    expect((await fire()).tasks).toHaveLength(1);
  });
});

describe("keeping schedules", () => {
  test("an id that is taken keeps its schedule", async () => {
    await newSchedule(store.sql);
    const again = await createSchedule(store.sql, scheduleWish({ name: "another" }));
    expect(again).toMatchObject({ kind: "taken", schedule: { name: "each second" } });
  });

  test("a change of the rhythm reckons the next run anew, a change of the task does not", async () => {
    const { nextRunAt } = await newSchedule(store.sql, { rhythm: HOURLY });
    await neglect(store.sql, "each-second", 10);
    const due = (await findSchedule(store.sql, "each-second"))?.nextRunAt;
    const renamed = await changeSchedule(store.sql, "each-second", (it) => ({ ...it, name: "renamed" }));
    expect(renamed).toMatchObject({ name: "renamed", version: 2, nextRunAt: due ?? null });
    const faster = await changeSchedule(store.sql, "each-second", (it) => ({
      ...it,
      rhythm: { kind: "every", seconds: 60 },
    }));
    expect(faster?.nextRunAt?.getTime()).toBeGreaterThan(due?.getTime() ?? 0);
    expect(faster?.nextRunAt?.getTime()).toBeLessThan(nextRunAt?.getTime() ?? 0);
    expect(await changeSchedule(store.sql, "nobody", (it) => it)).toBeNull();
  });

  test("what was paused and is resumed misses nothing: its ticks were not wanted", async () => {
    await newSchedule(store.sql, { missed: "catch_up", rhythm: HOURLY });
    await changeSchedule(store.sql, "each-second", (it) => ({ ...it, isPaused: true }));
    expect((await findSchedule(store.sql, "each-second"))?.nextRunAt).toBeNull();
    const resumed = await changeSchedule(store.sql, "each-second", (it) => ({ ...it, isPaused: false }));
    expect(resumed?.nextRunAt?.getTime()).toBeGreaterThan(Date.now());
    expect((await fire()).tasks).toEqual([]);
  });

  test("a trigger makes one task beside all ticks, also while it is paused", async () => {
    await newSchedule(store.sql, { scheduleId: "manual", isPaused: true });
    const fired = await triggerSchedule(store.sql, "manual");
    expect(fired?.task.task_id).toStartWith("manual:");
    expect(await runsOf("manual")).toMatchObject([
      { kind: "triggered", taskId: fired?.task.task_id ?? null },
    ]);
    expect(await triggerSchedule(store.sql, "nobody")).toBeNull();
  });

  test("lists are by id, of one owner or of all, a page at a time", async () => {
    for (const [scheduleId, ownerId] of [
      ["b", 1],
      ["a", 1],
      ["c", 2],
    ] as const)
      await newSchedule(store.sql, { scheduleId, ownerId });
    const ids = async (ownerId: number | null, limit: number, after?: string) =>
      (await listSchedules(store.sql, { ownerId, limit, after })).map((it) => it.scheduleId);
    expect(await ids(1, 10)).toEqual(["a", "b"]);
    expect(await ids(null, 2)).toEqual(["a", "b"]);
    expect(await ids(null, 2, "b")).toEqual(["c"]);
  });

  test("one that cannot be fired is put off with its problem, and says so until it fires", async () => {
    await newSchedule(store.sql, { rhythm: HOURLY });
    await neglect(store.sql, "each-second", 1);
    expect(await postponeFirst(store.sql, 60_000, "no such zone")).toBe("each-second");
    expect(await findSchedule(store.sql, "each-second")).toMatchObject({ problem: "no such zone" });
    expect((await fire()).tasks).toEqual([]);
    await store.sql`update schedules set wake_at = clock_timestamp()`;
    expect((await fire()).tasks).toHaveLength(1);
    expect(await findSchedule(store.sql, "each-second")).toMatchObject({ problem: null });
    expect(await postponeFirst(store.sql, 60_000, "none is due")).toBeNull();
  });
});

test("a schedule's payload is stored as hostile as a task's", async () => {
  const payload = { text: "a \u0001 b 😀", deep: [[[]]] };
  await newSchedule(store.sql, { rhythm: HOURLY, task: { ...scheduleWish().task, payload } });
  await neglect(store.sql, "each-second", 1);
  const [fired] = (await fire()).tasks;
  expect((await findTask(store.sql, fired?.task.task_id ?? ""))?.payload).toEqual(payload);
  expect(newTask().dependencies).toBeNull();
});
