import { CONTENT_PREFIX, RESULTS_PREFIX, UPLOADS_PREFIX } from "@millrace/protocol/file-operations/index";
import type { Sql } from "../connect.ts";

/**
 * Which of these blobs somebody may still want; the others are orphans, if they are old enough (ORPHAN_AGE_MS). An upload
 * belongs to a file that arrives. Content belongs to a file that is there or arrives. A result belongs to a file
 * whose task is unfinished, or has ended with that very result. Keys of any other form count as wanted: not ours.
 * The result is searched as a text: PostgreSQL's JSON operators fail on the \\u0000 that a summary may hold.
 */
export async function findReferencedKeys(sql: Sql, keys: readonly string[]): Promise<ReadonlySet<string>> {
  const parted = keys.map((key) => ({ key, parts: key.split("/") }));
  const known = parted.filter(({ parts: [prefix] }) => OURS.has(prefix ?? ""));
  const wanted = new Set(
    parted.filter(({ parts: [prefix] }) => !OURS.has(prefix ?? "")).map(({ key }) => key),
  );
  const rows = await sql<{ key: string }[]>`
    select k.key
    from unnest(${known.map(({ key }) => key)}::text[], ${known.map(({ parts }) => parts[0] ?? "")}::text[],
      ${known.map(({ parts }) => parts[1] ?? "")}::text[]) as k(key, prefix, file_id)
    join files f on f.file_id = k.file_id
    left join open_tasks o on o.seq = f.task_seq
    left join lateral (
      select kind, result from outcomes e where e.seq = f.task_seq order by attempt desc limit 1
    ) l on k.prefix = ${RESULTS_PREFIX}
    where case k.prefix
      when ${UPLOADS_PREFIX} then f.state = 'uploading'
      when ${CONTENT_PREFIX} then f.state in ('uploading', 'uploaded') and f.content_key = k.key
      else f.state = 'uploaded'
        and (o.seq is not null or (l.kind = 'completed' and strpos(l.result::text, to_json(k.key)::text) > 0))
      end`;
  for (const { key } of rows) wanted.add(key);
  return wanted;
}

const OURS: ReadonlySet<string> = new Set([UPLOADS_PREFIX, CONTENT_PREFIX, RESULTS_PREFIX]);
