import type { Json } from "@millrace/core";
import { ATTEMPT_NUMBER_MAX, SCHEDULE_HORIZON_MS } from "@millrace/core/limits";
import type { Sql } from "../connect.ts";
import { rowsAsJson, storableLog, storableText } from "./hostile-content.ts";

/** How an attempt is written down. `returned`: its worker left before it could finish; that is no failure. */
export type Settlement = {
  readonly seq: number;
  readonly attempt: number;
  /** The end of what an attempt wrote that ran alone. */
  readonly log?: string;
} & (
  | { readonly kind: "completed"; readonly result: Json }
  | { readonly kind: "dead"; readonly error_code: string; readonly error_message: string }
  | {
      readonly kind: "failed";
      readonly error_code: string;
      readonly error_message: string;
      readonly delay_ms: number;
    }
  | { readonly kind: "returned"; readonly delay_ms: number }
);

export type SettleAnswer =
  /**
   * `readyAt`: when the next attempt is due, for "failed" and "returned". `hasChildren`: the task has ended, and whoever
   * waits for it is to be told (`advance-graphs.ts`).
   */
  | { readonly kind: "settled"; readonly readyAt: Date | null; readonly hasChildren?: true }
  /** Invariant 3: the claim was lost before; nothing was written. */
  | { readonly kind: "refused" };

interface SettledRow {
  readonly i: number;
  readonly ready_at: Date | null;
  readonly has_children: boolean;
}

/**
 * Writes down how attempts of this session ended, in one statement, and answers each in order.
 * As in `claim-attempts.ts`, `any` and `coalesce` keep the planner on the key.
 */
export async function settleAttempts(
  sql: Sql,
  session: string,
  settlements: readonly Settlement[],
): Promise<readonly SettleAnswer[]> {
  const words = settlements.map(lastWord);
  const rows = words.every(({ kind, log }) => kind === "completed" && log === undefined)
    ? await settleCompleted(sql, session, words)
    : await settleMixed(sql, session, words);
  const answers: SettleAnswer[] = words.map(() => REFUSED);
  for (const { i, ready_at: readyAt, has_children } of rows)
    answers[i] = { kind: "settled", readyAt, ...(has_children && { hasChildren: true }) };
  if (answers.includes(REFUSED)) await recogniseOwn(sql, { session, settlements: words, answers });
  return answers;
}

/**
 * Invariant 10: an attempt with the last number has no next one, so what would try again buries instead. Whoever acts
 * upon an outcome (publishes the next attempt, say) asks this first; `settleAttempts` does so in any case.
 */
export function lastWord(settlement: Settlement): Settlement {
  const { seq, attempt, kind, log } = settlement;
  if (attempt < ATTEMPT_NUMBER_MAX || kind === "completed" || kind === "dead") return settlement;
  const message = `it had ${ATTEMPT_NUMBER_MAX} attempts, failed, lost and given back ones together`;
  const error =
    kind === "failed"
      ? { error_code: settlement.error_code, error_message: settlement.error_message }
      : { error_code: "ATTEMPT_NUMBERS_USED_UP", error_message: message };
  return { seq, attempt, kind: "dead", ...error, ...(log !== undefined && { log }) };
}

type Row = { readonly i: number } & Settlement;

/** In the order in which rows are to be locked; see `claim-attempts.ts`. `i` leads back to the caller's. */
function toRows(settlements: readonly Settlement[]): readonly Row[] {
  return settlements.map(toRow).sort((a, b) => a.seq - b.seq);
}

/** As a row of the statement. Texts come from handlers. */
function toRow(settlement: Settlement, i: number): Row {
  const log = settlement.log === undefined ? {} : { log: storableLog(settlement.log) };
  if (settlement.kind !== "dead" && settlement.kind !== "failed") return { i, ...settlement, ...log };
  const { error_code, error_message } = settlement;
  return {
    i,
    ...settlement,
    ...log,
    error_code: storableText(error_code),
    error_message: storableText(error_message),
  };
}

const REFUSED: SettleAnswer = { kind: "refused" };

/** The hot path: everything went well. */
async function settleCompleted(
  sql: Sql,
  session: string,
  settlements: readonly Settlement[],
): Promise<readonly SettledRow[]> {
  const input = rowsAsJson(toRows(settlements), "result");
  const seqs = settlements.map((settlement) => settlement.seq);
  return await sql<SettledRow[]>`
    with input as materialized (
      select * from json_to_recordset(${input}::text::json) as x(
        i integer, seq bigint, attempt smallint, result_text text, result json)
    ), ended as (
      delete from open_tasks o using input x
      where o.seq = any(${seqs}::bigint[]) and o.seq = x.seq and o.attempt = x.attempt
        and coalesce(o.claimed_by, '') = ${session}
      returning x.i, o.seq, o.attempt, o.claimed_at, o.has_children
    ), recorded as (
      insert into outcomes (seq, attempt, kind, claimed_by, started_at, ended_at, result)
      select e.seq, e.attempt, 'completed', ${session}, e.claimed_at, clock_timestamp(), coalesce(x.result_text::json, x.result)
      from ended e join input x using (i)
    )
    select i, null::timestamptz as ready_at, has_children from ended`;
}

async function settleMixed(
  sql: Sql,
  session: string,
  settlements: readonly Settlement[],
): Promise<readonly SettledRow[]> {
  const input = rowsAsJson(toRows(settlements), "result");
  const seqs = settlements.map((settlement) => settlement.seq);
  return await sql<SettledRow[]>`
    with input as materialized (
      select * from json_to_recordset(${input}::text::json) as x(
        i integer, seq bigint, attempt smallint, kind text, result_text text, result json, error_code text, error_message text,
        delay_ms bigint, log text)
    ), ended as (
      delete from open_tasks o using input x
      where x.kind in ('completed', 'dead') and o.seq = any(${seqs}::bigint[]) and o.seq = x.seq
        and o.attempt = x.attempt and coalesce(o.claimed_by, '') = ${session}
      returning x.i, o.seq, o.attempt, o.claimed_at, o.lane, null::timestamptz as ready_at,
        o.has_children
    ), freed as (
      update open_tasks o
      set claimed_by = null, tenant = coalesce(o.tenant, ''), failures = o.failures + (x.kind = 'failed')::integer,
          ready_at = clock_timestamp() + x.delay_ms * interval '1 millisecond',
          published_at = case when x.delay_ms <= ${SCHEDULE_HORIZON_MS} then clock_timestamp() end
      from input x
      where x.kind in ('failed', 'returned') and o.seq = any(${seqs}::bigint[]) and o.seq = x.seq
        and o.attempt = x.attempt and coalesce(o.claimed_by, '') = ${session}
      returning x.i, o.seq, o.attempt, o.claimed_at, o.lane, o.ready_at, false as has_children
    ), settled as (
      select * from ended union all select * from freed
    ), recorded as (
      insert into outcomes (seq, attempt, kind, claimed_by, started_at, ended_at, retry_at, result, error_code,
        error_message, log)
      select s.seq, s.attempt, x.kind, ${session}, s.claimed_at, clock_timestamp(), s.ready_at,
        coalesce(x.result_text::json, x.result), x.error_code, x.error_message, x.log
      from settled s join input x using (i)
    ), buried as (
      insert into dead_letters (seq, task_type, lane, error_code, error_message, died_at)
      select e.seq, (select t.task_type from tasks t where t.seq = e.seq), e.lane, x.error_code, x.error_message,
        clock_timestamp()
      from ended e join input x using (i)
      where x.kind = 'dead'
    )
    select i, ready_at, has_children from settled`;
}

interface Unanswered {
  readonly session: string;
  readonly settlements: readonly Settlement[];
  readonly answers: SettleAnswer[];
}

/**
 * A connection that broke after the commit leaves the caller without its answer, and its repetition finds the claim
 * gone. The outcome that this session wrote tells that it was settled after all.
 */
async function recogniseOwn(sql: Sql, { session, settlements, answers }: Unanswered): Promise<void> {
  const refused = settlements.filter((_, index) => answers[index] === REFUSED);
  const rows = await sql<{ seq: number; attempt: number; kind: string; retry_at: Date | null }[]>`
    select seq, attempt, kind, retry_at from outcomes
    where seq = any(${refused.map((one) => one.seq)}::bigint[]) and claimed_by = ${session}`;
  for (const row of rows) {
    const index = settlements.findIndex(
      (one) => one.seq === row.seq && one.attempt === row.attempt && one.kind === row.kind,
    );
    if (index !== -1) answers[index] = { kind: "settled", readyAt: row.retry_at };
  }
}
