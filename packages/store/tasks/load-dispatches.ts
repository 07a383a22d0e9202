import { hasTemplates } from "@millrace/core";
import type { Dispatch } from "@millrace/protocol";
import type { Sql } from "../connect.ts";
import { SHELVED, withRoute } from "../workers/route-of.ts";

export interface DueDispatch {
  readonly dispatch: Dispatch;
  readonly readyAt: Date;
}

interface DueRow {
  readonly ready_at: Date;
  readonly has_parents: boolean;
  readonly is_waiting_debounced: boolean;
  readonly route: number | null;
  readonly trace_context: string | null;
  readonly is_alone: boolean;
}

/** The messages that start the next attempts of these tasks; tasks that have ended or are claimed are left out. */
export async function loadDispatches(sql: Sql, seqs: readonly number[]): Promise<readonly DueDispatch[]> {
  const wanted = [...seqs];
  const rows = await sql<(Omit<Dispatch, "route" | "trace_context"> & DueRow)[]>`
    select o.seq, t.task_id, t.task_type, o.attempt + 1 as attempt, o.failures, t.payload, o.lane, o.priority,
      t.timeout_s as timeout, t.max_attempts, t.backoff, t.tenant, t.correlation_id, t.trace_context, o.ready_at, t.dependencies is not null as has_parents, o.is_alone,
      o.attempt = 0 and coalesce(t.dedup->>'kind', '') = 'debounce' as is_waiting_debounced,
      case when o.is_shelved then ${SHELVED}::integer when o.lease_type is not null then 1 end as route
    from open_tasks o join tasks t on t.seq = o.seq
    where o.seq = any(${wanted}::bigint[]) and t.seq = any(${wanted}::bigint[]) and o.claimed_by is null and o.parked_for is null and o.waiting_for = 0`;
  return rows.map(
    ({ ready_at, has_parents, is_waiting_debounced, route, is_alone, trace_context, ...dispatch }) => ({
      dispatch: {
        ...dispatch,
        ...(has_parents && hasTemplates(dispatch.payload) && { has_templates: true }),
        ...(is_alone && { runs_alone: true }),
        ...(is_waiting_debounced && { is_debounced: true }),
        ...withRoute(route),
        ...(trace_context !== null && { trace_context }),
      },
      readyAt: ready_at,
    }),
  );
}
