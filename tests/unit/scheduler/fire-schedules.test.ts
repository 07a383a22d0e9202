import { afterEach, beforeEach, expect, test } from "bun:test";
import { tellSchedulesChanged } from "@millrace/bus";
import { SCHEDULE_LOOK_MS_MAX, SCHEDULE_PROBLEM_MS } from "@millrace/core/limits";
import { ScheduleFirer } from "@millrace/scheduler/fire-schedules";
import { startDuties } from "@millrace/scheduler/start-duties";
import { findSchedule, findTask, listScheduleRuns, openPool } from "@millrace/store";
import { pullAll, seqsOf, until } from "../../support/bus.ts";
import { type SchedulerUnderTest, startScheduler } from "../../support/scheduler.ts";
import { neglect, newSchedule, scheduleWish } from "../../support/schedules.ts";

let it: SchedulerUnderTest;
let timers: number[];
let firer: ScheduleFirer;
beforeEach(async () => {
  it = await startScheduler();
  timers = [];
  firer = firerOf(it.ports);
}, 60_000);
afterEach(() => it?.close());

const firerOf = (ports: SchedulerUnderTest["ports"]) =>
  new ScheduleFirer(
    ports,
    () => {},
    (_fire, delayMs) => {
      timers.push(delayMs);
      return () => {};
    },
  );
const HOURLY = { kind: "every", seconds: 3_600 } as const;

test("with nothing to fire it looks again after half a minute, and at the due time when that is sooner", async () => {
  expect(await firer.round()).toBeFalse();
  expect(timers).toEqual([SCHEDULE_LOOK_MS_MAX]);
  await newSchedule(it.store.sql, { rhythm: HOURLY });
  await it.store.sql`update schedules set wake_at = clock_timestamp() + interval '3 seconds'`;
  await firer.round();
  expect(timers.at(-1)).toBeWithin(1, 3_001);
});

test("what is due is stored and published, and the next due time is waited for", async () => {
  await newSchedule(it.store.sql, { scheduleId: "due", rhythm: HOURLY });
  await neglect(it.store.sql, "due", 1);
  await firer.round();
  await it.ports.publisher.drain();
  const [run] = await listScheduleRuns(it.store.sql, "due", 10);
  const task = await findTask(it.store.sql, run?.taskId ?? "");
  expect(seqsOf(await pullAll(it.under.bus, { lane: "short", priority: 5 }, 1))).toEqual([task?.seq ?? 0]);
  expect(timers.at(-1)).toBe(SCHEDULE_LOOK_MS_MAX);
});

test("what another scheduler has in its hands is asked for again a moment later", async () => {
  await newSchedule(it.store.sql, { rhythm: HOURLY });
  await neglect(it.store.sql, "each-second", 1);
  await it.store.sql.begin(async (other) => {
    await other`select 1 from schedules for update`;
    expect(await firer.round()).toBeFalse();
  });
  expect(timers.at(-1)).toBeWithin(1, 1_000);
  await firer.round();
  expect(await listScheduleRuns(it.store.sql, "each-second", 10)).toHaveLength(1);
});

test("one that cannot be fired is put off and named, and holds up no other", async () => {
  await newSchedule(it.store.sql, { scheduleId: "broken", rhythm: HOURLY });
  await newSchedule(it.store.sql, { scheduleId: "sound", rhythm: HOURLY });
  await it.store
    .sql`update schedules set time_zone = 'Mars/Olympus', cron = '* * * * *', every_s = null where schedule_id = 'broken'`;
  await neglect(it.store.sql, "broken", 2);
  await neglect(it.store.sql, "sound", 1);
  for (let rounds = 0; rounds < 10 && (await firer.round()); rounds += 1);
  expect(await listScheduleRuns(it.store.sql, "sound", 10)).toHaveLength(1);
  expect(await findSchedule(it.store.sql, "broken")).toMatchObject({
    problem: expect.stringContaining("Mars/Olympus"),
  });
  expect(timers.at(-1)).toBeLessThanOrEqual(SCHEDULE_PROBLEM_MS);
  expect(it.lines).toContainEqual(
    expect.objectContaining({
      level: "ERROR",
      schedule_id: "broken",
      message: "a schedule cannot be fired and is put off",
    }),
  );
});

test("a database that is away is asked again soon", async () => {
  const sql = openPool({ url: "postgres://nobody@127.0.0.1:1/none", max: 1, applicationName: "test" });
  await expect(firerOf({ ...it.ports, sql }).round()).rejects.toThrow();
  expect(timers).toEqual([1_000]);
  await sql.end({ timeout: 1 });
});

test("a tick is made at its time and not at the next look half a minute later, also of a schedule that was made a moment ago", async () => {
  const stop = await startDuties(it.ports, { retentionDays: 30, fileSweeper: { round: async () => false } });
  await newSchedule(it.store.sql, scheduleWish());
  tellSchedulesChanged(it.under.bus);
  await until(
    "three ticks are made",
    async () => (await listScheduleRuns(it.store.sql, "each-second", 3)).length === 3,
    30_000,
  );
  const runs = await listScheduleRuns(it.store.sql, "each-second", 3);
  await stop();
  const latenessMs = runs.map((run) => run.madeAt.getTime() - run.tickAt.getTime());
  for (const lateMs of latenessMs) expect(lateMs).toBeWithin(0, 5_000);
}, 40_000);
