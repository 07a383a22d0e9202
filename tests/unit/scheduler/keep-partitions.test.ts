import { afterEach, beforeEach, expect, test } from "bun:test";
import { keepPartitions } from "@millrace/scheduler/keep-partitions";
import type { SchedulerPorts } from "@millrace/scheduler/ports";
import { claimAttempts, findTask, listTasks, reopenTask, settleAttempts } from "@millrace/store";
import { until } from "../../support/bus.ts";
import { type LogLine, recordingLog } from "../../support/scheduler.ts";
import {
  completion,
  death,
  newTask,
  openTaskStore,
  submitMany,
  type TaskStore,
} from "../../support/task-store.ts";

let store: TaskStore;
let lines: LogLine[];
let ports: Pick<SchedulerPorts, "sql" | "log">;
beforeEach(async () => {
  store = await openTaskStore();
  lines = [];
  ports = { sql: store.sql, log: recordingLog(lines) };
});
afterEach(() => store.close());

const RETENTION_DAYS = 30;
const OLD_DAYS = 40;

/** Tasks as they were submitted so many days ago; their internal ids. */
async function submitOld(taskIds: readonly string[], days = OLD_DAYS): Promise<readonly number[]> {
  await store.sql.unsafe(`
    select make_partitions((clock_timestamp() at time zone 'UTC')::date - ${days}, 1);
    create or replace function next_task_seq() returns bigint language sql volatile as
      'select seq_at(now() - interval ''${days} days'') + nextval(''task_seq'')'`);
  const seqs = await submitMany(
    store.sql,
    taskIds.map((task_id) => newTask({ task_id })),
  );
  await store.sql.unsafe(`create or replace function next_task_seq() returns bigint language sql volatile as
    'select seq_at(now()) + nextval(''task_seq'')'`);
  return seqs;
}

async function end(
  seqs: readonly number[],
  how: typeof completion | typeof death = completion,
): Promise<void> {
  await claimAttempts(
    store.sql,
    "w~a",
    seqs.map((seq) => ({ seq, attempt: 1 })),
  );
  await settleAttempts(
    store.sql,
    "w~a",
    seqs.map((seq) => how(seq)),
  );
}

/** The days that have partitions, relative to today. */
async function days(table: string): Promise<readonly number[]> {
  const rows = await store.sql<{ day: number }[]>`
    select to_date(right(c.relname, 8), 'YYYYMMDD') - (clock_timestamp() at time zone 'UTC')::date as day
    from pg_inherits i join pg_class c on c.oid = i.inhrelid
    where i.inhparent = ${table}::regclass and c.relname ~ '[0-9]{8}$' order by 1`;
  return rows.map(({ day }) => day);
}

async function count(table: string): Promise<number> {
  const [row] = await store.sql<{ count: number }[]>`
    select count(*)::integer as count from ${store.sql(table)}`;
  return row?.count ?? 0;
}

test("the eight days from today on are there, and a round that finds nothing to do says nothing", async () => {
  await keepPartitions(ports, RETENTION_DAYS);
  for (const table of ["tasks", "outcomes"]) expect(await days(table)).toEqual([-1, 0, 1, 2, 3, 4, 5, 6, 7]);
  lines.splice(0);
  expect(await keepPartitions(ports, RETENTION_DAYS)).toBe(false);
  expect(lines).toEqual([]);
});

test("an old finished day goes as a whole, with its ids, dead letters and redrives", async () => {
  const [done = 0, dead = 0, redriven = 0] = await submitOld(["done", "dead", "redriven"]);
  await end([done]);
  await end([dead, redriven], death);
  await reopenTask(store.sql, { seq: redriven, redrivenBy: 1, delayMs: 0 });
  await claimAttempts(store.sql, "w~a", [{ seq: redriven, attempt: 2 }]);
  await settleAttempts(store.sql, "w~a", [completion(redriven, 2)]);
  await keepPartitions(ports, RETENTION_DAYS);
  expect(
    await Promise.all(
      [days("tasks"), days("outcomes")].map(async (list) => (await list).includes(-OLD_DAYS)),
    ),
  ).toEqual([false, false]);
  for (const table of ["tasks", "task_keys", "outcomes", "dead_letters", "redrives", "open_tasks"])
    expect({ table, rows: await count(table) }).toEqual({ table, rows: 0 });
  expect(lines).toContainEqual(
    expect.objectContaining({ message: "partitions", dropped: [expect.stringMatching(/^\d{8}$/)] }),
  );
});

test("its ids can be used again, for tasks of their own", async () => {
  await end(await submitOld(["again"]));
  expect(await findTask(store.sql, "again")).toMatchObject({ phase: "done" });
  await keepPartitions(ports, RETENTION_DAYS);
  expect(await findTask(store.sql, "again")).toBeNull();
  await submitMany(store.sql, [newTask({ task_id: "again", priority: 9 })]);
  expect(await findTask(store.sql, "again")).toMatchObject({ phase: "queued", priority: 9 });
});

test("an old day with one open task is kept whole, and goes once that has ended", async () => {
  const [done = 0, open = 0] = await submitOld(["done", "open"]);
  await end([done]);
  await keepPartitions(ports, RETENTION_DAYS);
  expect(await listTasks(store.sql, { ownerId: null, limit: 10, offset: 0 })).toHaveLength(2);
  await end([open]);
  await keepPartitions(ports, RETENTION_DAYS);
  expect(await listTasks(store.sql, { ownerId: null, limit: 10, offset: 0 })).toHaveLength(0);
});

test("a day within the retention is kept, and the one before it is not", async () => {
  await end(await submitOld(["kept"], RETENTION_DAYS));
  await end(await submitOld(["gone"], RETENTION_DAYS + 1));
  await keepPartitions(ports, RETENTION_DAYS);
  expect([(await findTask(store.sql, "kept"))?.phase, await findTask(store.sql, "gone")]).toEqual([
    "done",
    null,
  ]);
});

test("more ids than go at once are all gone, and those of other days stay", async () => {
  await end(await submitOld(Array.from({ length: 12_000 }, (_, index) => `old-${index}`)));
  await submitMany(store.sql, [newTask({ task_id: "young" })]);
  await keepPartitions(ports, RETENTION_DAYS);
  expect([await count("task_keys"), await count("tasks")]).toEqual([1, 1]);
}, 20_000);

test("two schedulers at once drop a day once, and neither fails", async () => {
  for (let round = 0; round < 10; round++) {
    lines.splice(0);
    await end(await submitOld(["once"]));
    await Promise.all(Array.from({ length: 3 }, () => keepPartitions(ports, RETENTION_DAYS)));
    expect(lines.filter(({ dropped }) => Array.isArray(dropped) && dropped.length > 0)).toHaveLength(1);
    expect(await findTask(store.sql, "once")).toBeNull();
  }
});

test("a dead letter that is redriven in the same moment keeps its day: nothing open is ever dropped", async () => {
  const [seq = 0] = await submitOld(["redriven"]);
  await end([seq], death);
  const held = Promise.withResolvers<void>();
  const begun = Promise.withResolvers<void>();
  const redrive = store.sql.begin(async (transaction) => {
    await transaction`select 1 from tasks where seq = ${seq} for update`; // As reopenTask begins.
    begun.resolve();
    await held.promise;
    await transaction`insert into open_tasks (seq, lane, priority, attempt, ready_at) values (${seq}, 'short', 5, 1, now())`;
  });
  await begun.promise;
  const kept = keepPartitions(ports, RETENTION_DAYS);
  await until("the drop waits for the redrive", async () => {
    const rows = await store.sql`select 1 from pg_locks where not granted`;
    return rows.length > 0;
  });
  held.resolve();
  await Promise.all([redrive, kept]);
  expect(await findTask(store.sql, "redriven")).toMatchObject({ phase: "queued" });
});

test("a day that somebody reads for long is left for later, instead of letting the queue wait behind the drop", async () => {
  await end(await submitOld(["read"]));
  const held = Promise.withResolvers<void>();
  const begun = Promise.withResolvers<void>();
  const reader = store.sql.begin(async (transaction) => {
    await transaction`select count(*) from tasks`;
    begun.resolve();
    await held.promise;
  });
  await begun.promise;
  await expect(keepPartitions(ports, RETENTION_DAYS)).rejects.toMatchObject({ code: "55P03" });
  expect(await findTask(store.sql, "read")).toMatchObject({ phase: "done" });
  held.resolve();
  await reader;
  await keepPartitions(ports, RETENTION_DAYS);
  expect(await findTask(store.sql, "read")).toBeNull();
}, 20_000);
