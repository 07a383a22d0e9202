import { tickTaskId } from "@millrace/core";
import { SCHEDULE_RUNS_KEPT } from "@millrace/core/limits";
import type { LeaseRoute } from "@millrace/protocol";
import type { Sql, Transaction } from "../connect.ts";
import { storableText } from "../tasks/hostile-content.ts";
import { type NewTask, submitTasks } from "../tasks/submit-tasks.ts";
import { type FiringPlan, planFiring } from "./plan-firing.ts";
import { SCHEDULE_COLUMNS, type ScheduleRecord, type ScheduleRow, toSchedule } from "./schedule-record.ts";

/** A task that a tick made, to be published. */
export interface FiredTask {
  readonly task: NewTask;
  readonly seq: number;
  readonly route?: LeaseRoute;
}

export interface Firing {
  readonly tasks: readonly FiredTask[];
  /** Schedules of which ticks were missed. */
  readonly missed: readonly string[];
  /** True: more may be due already. */
  readonly isMore: boolean;
}

/** The context of a trace that a tick's task begins; undefined: it is not recorded. */
export type BeginTrace = (scheduleId: string, taskId: string) => string | undefined;

/** A scheduler that vanished from the network in mid-transaction holds its rows no longer than this. */
const IDLE_MS_MAX = 5_000;

/**
 * Makes the tasks of whatever is due, by the database's clock: those of a tick are inserted in the transaction that moves
 * the schedule on, under the schedule's lock. So whoever dies on the way leaves either both or neither behind, and of
 * several schedulers each takes what no other one has.
 */
export async function fireDue(sql: Sql, limit: number, beginTrace?: BeginTrace): Promise<Firing> {
  return await sql.begin(async (transaction) => {
    await transaction`select set_config('idle_in_transaction_session_timeout', ${String(IDLE_MS_MAX)}, true)`;
    const rows = await transaction<(ScheduleRow & { now: Date })[]>`
      select ${transaction.unsafe(SCHEDULE_COLUMNS)}, clock_timestamp() as now from schedules
      where wake_at <= statement_timestamp() order by wake_at limit ${limit} for update skip locked`;
    if (rows.length === 0) return { tasks: [], missed: [], isMore: false };
    const busy = await listBusy(
      transaction,
      rows.filter((row) => row.overlap !== "allow").map((row) => row.schedule_id),
    );
    const plans = rows.map((row) =>
      planFiring(toSchedule(row), row.now.getTime(), busy.has(row.schedule_id)),
    );
    const nowMs = rows[0]?.now.getTime() ?? 0;
    return {
      tasks: await carryOut(transaction, plans, beginTrace),
      missed: plans.filter((plan) => plan.hasMissed).map((plan) => plan.schedule.scheduleId),
      isMore: rows.length === limit || plans.some(({ wakeMs }) => wakeMs !== null && wakeMs <= nowMs),
    };
  });
}

/** Those that have an unfinished run. Looks at what they remember: a hundred rows each, by their keys. */
async function listBusy(sql: Transaction, scheduleIds: readonly string[]): Promise<ReadonlySet<string>> {
  if (scheduleIds.length === 0) return new Set();
  const rows = await sql<{ schedule_id: string }[]>`
    select distinct schedule_id from schedule_runs r
    where schedule_id = any(${[...scheduleIds]}::text[]) and seq is not null
      and (select true from open_tasks o where o.seq = r.seq)`;
  return new Set(rows.map((row) => row.schedule_id));
}

interface Run {
  readonly schedule: ScheduleRecord;
  readonly tickMs: number;
  readonly kind: "fired" | "skipped" | "triggered";
  readonly task: NewTask | null;
  readonly seq: number | null;
  readonly route?: LeaseRoute | undefined;
}

async function carryOut(
  sql: Transaction,
  plans: readonly FiringPlan[],
  beginTrace: BeginTrace | undefined,
): Promise<readonly FiredTask[]> {
  const wanted = plans.flatMap(({ schedule, fired }) =>
    fired.map((tickMs) => {
      const task = taskOf(schedule, tickMs);
      const trace_context = beginTrace?.(schedule.scheduleId, task.task_id);
      return { schedule, tickMs, task: trace_context === undefined ? task : { ...task, trace_context } };
    }),
  );
  const fired = await submitRuns(sql, wanted, "fired");
  const skipped = plans.flatMap(({ schedule, skipped: ticks }) =>
    ticks.map((tickMs): Run => ({ schedule, tickMs, kind: "skipped", task: null, seq: null })),
  );
  await writeRuns(sql, [...fired, ...skipped]);
  await moveOn(sql, plans);
  return fired.flatMap(({ task, seq, route }) =>
    task === null || seq === null ? [] : [{ task, seq, ...(route !== undefined && { route }) }],
  );
}

function taskOf(schedule: ScheduleRecord, tickMs: number): NewTask {
  const taskId = tickTaskId(schedule.scheduleId, tickMs);
  return {
    ...schedule.task,
    task_id: taskId,
    owner_id: schedule.ownerId,
    dependencies: null,
    run_at: new Date(tickMs).toISOString(),
    correlation_id: taskId,
  };
}

type Wanted = Pick<Run, "schedule" | "tickMs"> & { readonly task: NewTask };

/**
 * Task ids are everybody's to choose, and those of ticks can be foreseen: one that somebody has taken gets a part that
 * cannot. If that is taken as well, the tick has run, under a schedule of the same name.
 */
async function submitRuns(
  sql: Transaction,
  wanted: readonly Wanted[],
  kind: Run["kind"],
): Promise<readonly Run[]> {
  if (wanted.length === 0) return [];
  const answers = await submitTasks(
    sql,
    wanted.map(({ task }) => task),
  );
  const runs: Run[] = [];
  for (const [index, { schedule, tickMs, task }] of wanted.entries()) {
    const answer = answers[index];
    if (answer?.kind === "stored") {
      runs.push({ schedule, tickMs, kind, task, seq: answer.seq, route: answer.route });
      continue;
    }
    const renamed = { ...task, task_id: `${task.task_id}:${schedule.nonce}` };
    const [second] = await submitTasks(sql, [renamed]);
    const own = second?.kind === "stored" ? second : undefined;
    runs.push({ schedule, tickMs, kind, task: renamed, seq: own?.seq ?? null, route: own?.route });
  }
  return runs;
}

async function writeRuns(sql: Transaction, runs: readonly Run[]): Promise<void> {
  if (runs.length === 0) return;
  const rows = runs.map(({ schedule, tickMs, kind, task, seq }) => ({
    ...{ schedule_id: schedule.scheduleId, tick_at: new Date(tickMs), kind, seq },
    task_id: task?.task_id ?? null,
  }));
  await sql`
    insert into schedule_runs (schedule_id, tick_at, kind, task_id, seq, made_at)
    select schedule_id, tick_at, kind, task_id, seq, clock_timestamp()
    from json_to_recordset(${JSON.stringify(rows)}::text::json) as x(
      schedule_id text, tick_at timestamptz, kind text, task_id text, seq bigint)
    on conflict (schedule_id, tick_at) do nothing`;
  for (const scheduleId of new Set(rows.map((row) => row.schedule_id))) await forgetOld(sql, scheduleId);
}

/** Keeps the last SCHEDULE_RUNS_KEPT, and unfinished ones for as long as they are. */
async function forgetOld(sql: Transaction, scheduleId: string): Promise<void> {
  await sql`
    delete from schedule_runs r where schedule_id = ${scheduleId} and tick_at < (
      select min(tick_at) from (
        select tick_at from schedule_runs where schedule_id = ${scheduleId}
        order by tick_at desc limit ${SCHEDULE_RUNS_KEPT}
      ) kept
    ) and not coalesce((select true from open_tasks o where o.seq = r.seq), false)`;
}

async function moveOn(sql: Transaction, plans: readonly FiringPlan[]): Promise<void> {
  const rows = plans.map(({ schedule, fired, nextMs, wakeMs, heldSinceMs }) => ({
    schedule_id: schedule.scheduleId,
    next_run_at: dateOf(nextMs),
    wake_at: dateOf(wakeMs),
    held_since: dateOf(heldSinceMs),
    last_run_at: dateOf(fired.at(-1) ?? null),
  }));
  await sql`
    update schedules s set next_run_at = x.next_run_at, wake_at = x.wake_at, held_since = x.held_since,
      last_run_at = coalesce(x.last_run_at, s.last_run_at), problem = null
    from json_to_recordset(${JSON.stringify(rows)}::text::json) as x(
      schedule_id text, next_run_at timestamptz, wake_at timestamptz, held_since timestamptz, last_run_at timestamptz)
    where s.schedule_id = any(${rows.map((row) => row.schedule_id)}::text[]) and s.schedule_id = x.schedule_id`;
}

function dateOf(ms: number | null): Date | null {
  return ms === null ? null : new Date(ms);
}

/** Makes one task now, apart from all ticks, whether the schedule is paused or not. Null when it is gone. */
export async function triggerSchedule(
  sql: Sql,
  scheduleId: string,
  traceContext?: string,
): Promise<FiredTask | null> {
  return await sql.begin(async (transaction) => {
    const [row] = await transaction<(ScheduleRow & { now: Date })[]>`
      select ${transaction.unsafe(SCHEDULE_COLUMNS)}, clock_timestamp() as now from schedules
      where schedule_id = ${scheduleId} for update`;
    if (row === undefined) return null;
    const schedule = toSchedule(row);
    const taskId = `${scheduleId}:${Bun.randomUUIDv7()}`;
    const task = {
      ...taskOf(schedule, row.now.getTime()),
      task_id: taskId,
      correlation_id: taskId,
      run_at: null,
      ...(traceContext !== undefined && { trace_context: traceContext }),
    };
    const runs = await submitRuns(transaction, [{ schedule, tickMs: row.now.getTime(), task }], "triggered");
    await writeRuns(transaction, runs);
    const { seq = null, route } = runs[0] ?? {};
    return seq === null ? null : { task, seq, ...(route !== undefined && { route }) };
  });
}

/** When the next schedule is due, in ms from now by the database's clock; null when none is. Zero or less: it is due. */
export async function nextWakeMs(sql: Sql): Promise<number | null> {
  const [row] = await sql<{ wait_ms: number | null }[]>`
    select (extract(epoch from min(wake_at) - clock_timestamp()) * 1000)::float8 as wait_ms
    from schedules where wake_at is not null`;
  return row?.wait_ms ?? null;
}

/** Puts off the schedule that is due first and cannot be fired, and says why; the others go on. */
export async function postponeFirst(sql: Sql, delayMs: number, problem: string): Promise<string | null> {
  const [row] = await sql<{ schedule_id: string }[]>`
    update schedules set wake_at = clock_timestamp() + ${delayMs} * interval '1 millisecond',
      problem = ${storableText(problem)}
    where schedule_id = (
      select schedule_id from schedules where wake_at <= statement_timestamp()
      order by wake_at limit 1 for update skip locked
    ) returning schedule_id`;
  return row?.schedule_id ?? null;
}
