import { type Filled, fillTemplates, type Json, type ParentResult, templateParents } from "@millrace/core";
import { FILLED_CHARS_MAX } from "@millrace/core/limits";
import type { Sql } from "../connect.ts";

interface ResultRow {
  readonly task_id: string;
  readonly kind: string | null;
  /** Null: all results that come before it are as much as one payload may take. */
  readonly result: Json;
  readonly is_left_out: boolean;
}

/**
 * The payload of a task whose dispatch says `has_templates`, with its parents' results in place. To be called once its
 * attempt is claimed; whoever runs the task runs this payload and keeps the other one for the next attempt. What cannot
 * be filled never can: the attempt has failed for good with that error.
 * Results are read as far as a payload could take them, whatever a thousand parents have left.
 */
export async function fillPayload(sql: Sql, seq: number, payload: Json): Promise<Filled> {
  const [task] = await sql<{ dependencies: readonly string[] | null }[]>`
    select dependencies from tasks where seq = any(array[${seq}::bigint])`;
  const dependencies = new Set(task?.dependencies ?? []);
  const wanted = templateParents(payload, dependencies);
  const rows = await readResults(sql, seq, wanted);
  const results = new Map(rows.map((row) => [row.task_id, toResult(row)]));
  if (rows.some((row) => row.is_left_out)) {
    const message = `the results of its ${rows.length} parents are longer than ${FILLED_CHARS_MAX} characters together`;
    return { ok: false, error: { code: "TEMPLATE_TOO_LARGE", message } };
  }
  return fillTemplates(payload, {
    dependencies,
    resultOf: (id) => results.get(id),
    charsMax: FILLED_CHARS_MAX,
  });
}

/** Of whole results, of which a template may take a small part: four times what a payload may take. */
const READ_CHARS_MAX = 4 * FILLED_CHARS_MAX;

async function readResults(
  sql: Sql,
  seq: number,
  wanted: ReadonlySet<string>,
): Promise<readonly ResultRow[]> {
  const edges = await sql<{ parent: number }[]>`select parent from task_edges where child = ${seq}`;
  const parents = edges.map(({ parent }) => parent);
  return await sql<ResultRow[]>`
    with named as materialized (
      select seq, task_id from tasks where seq = any(${parents}::bigint[]) and task_id = any(${[...wanted]}::text[])
    ), sized as (
      select n.task_id, l.kind, l.result,
        sum(coalesce(length(l.result::text), 0)) over (order by n.seq) > ${READ_CHARS_MAX} as is_left_out
      from named n cross join lateral (
        select (array_agg(e.kind order by e.attempt desc))[1] as kind,
          (array_agg(e.result order by e.attempt desc))[1] as result
        from outcomes e where e.seq = n.seq and not exists (select 1 from open_tasks o where o.seq = n.seq)
      ) l
    )
    select task_id, kind, case when not is_left_out then result end as result, is_left_out from sized`;
}

function toResult({ kind, result }: ResultRow): ParentResult {
  return { isCompleted: kind === "completed", result };
}
