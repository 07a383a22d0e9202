import { type DedupKind, holdsKey } from "@millrace/core";
import type { Sql, Transaction } from "../connect.ts";

/** The row of a key, by which it is found again. */
export interface KeyRow {
  readonly owner_id: number;
  readonly task_type: string;
  readonly kind: DedupKind;
  readonly key: string;
  readonly seq: number;
  readonly until: Date | null;
  readonly latest_at: Date | null;
  readonly submissions: number;
}

export const KEY_COLUMNS = "owner_id, task_type, kind, key, seq, until, latest_at, submissions";

interface StandingRow {
  readonly seq: number;
  readonly task_id: string | null;
  /** Null: it is not open. */
  readonly has_started: boolean | null;
  readonly has_failed: boolean;
  readonly now: Date;
}

/** Of the keys' rows those whose holder still counts, by the database's clock, with the holder's task id. */
export async function readHolders(
  sql: Sql | Transaction,
  keys: readonly KeyRow[],
): Promise<ReadonlyMap<KeyRow, string>> {
  const seqs = [...new Set(keys.map(({ seq }) => seq))];
  if (seqs.length === 0) return new Map();
  const rows = await sql<StandingRow[]>`
    select x.seq, (select t.task_id from tasks t where t.seq = x.seq) as task_id,
      (select o.attempt > 0 or o.claimed_by is not null from open_tasks o where o.seq = x.seq) as has_started,
      exists (select 1 from outcomes e where e.seq = x.seq and e.kind in ('dead', 'cancelled')) as has_failed,
      clock_timestamp() as now
    from unnest(${seqs}::bigint[]) as x(seq)`;
  const standings = new Map(rows.map((row) => [row.seq, row]));
  const holders = new Map<KeyRow, string>();
  for (const row of keys) {
    const standing = standings.get(row.seq);
    if (standing?.task_id == null) continue;
    const { has_started, has_failed, now } = standing;
    const isHeld = holdsKey(
      {
        kind: row.kind,
        isKept: true,
        isOpen: has_started !== null,
        hasStarted: has_started === true,
        hasFailed: has_failed,
        untilMs: row.until?.getTime() ?? null,
      },
      now.getTime(),
    );
    if (isHeld) holders.set(row, standing.task_id);
  }
  return holders;
}
