import { DEADLY_ERRORS } from "@millrace/protocol/file-operations/index";
import type { Sql } from "../connect.ts";

/**
 * How many attempts of a task ended together with the worker or the thread that ran them; redrives do not start the
 * count anew. For the few tasks of which a worker wants to know before it runs them.
 */
export async function countLosses(sql: Sql, taskId: string): Promise<number> {
  const [row] = await sql<{ losses: number }[]>`
    select count(*)::integer as losses from outcomes
    where seq = (select seq from task_keys where task_id = ${taskId})
      and (kind = 'lost' or error_code = any(${DEADLY_ERRORS}::text[]))`;
  return row?.losses ?? 0;
}
