import type { Sql } from "../connect.ts";

/** What ended without its bytes, or is kept no longer: the sweep removes what is left of it. */
export interface EndedFile {
  readonly fileId: string;
  readonly contentKey: string;
}

/** Ends one upload that failed. False when it is not uploading any more. */
export async function expireUpload(sql: Sql, fileId: string): Promise<boolean> {
  const rows = await sql`
    update files set state = 'expired', ended_at = clock_timestamp()
    where file_id = ${fileId} and state = 'uploading' returning file_id`;
  return rows.length > 0;
}

/** Ends uploads that nobody goes on with. Several sweeps at once get different ones. */
export async function expireUploads(sql: Sql, limit: number): Promise<readonly EndedFile[]> {
  return await sql<EndedFile[]>`
    with due as materialized (
      select file_id from files where state = 'uploading' and upload_expires_at < clock_timestamp()
      order by upload_expires_at limit ${limit} for update skip locked
    )
    update files f set state = 'expired', ended_at = clock_timestamp()
    from due where f.file_id = due.file_id returning f.file_id as "fileId", f.content_key as "contentKey"`;
}

/**
 * Ends files whose tasks were forgotten with their days (TASK_RETENTION_DAYS): a file is kept as long as its task.
 * Looks at the oldest `limit` ones; tasks are forgotten from the oldest on.
 */
export async function retireFiles(sql: Sql, limit: number): Promise<readonly EndedFile[]> {
  return await sql<EndedFile[]>`
    with oldest as materialized (
      select file_id, task_seq from files where state = 'uploaded' order by task_seq limit ${limit}
      for update skip locked
    )
    update files f set state = 'expired', ended_at = clock_timestamp()
    from oldest where f.file_id = oldest.file_id
      and not exists (select 1 from tasks t where t.seq = oldest.task_seq)
    returning f.file_id as "fileId", f.content_key as "contentKey"`;
}

/** Forgets files that ended longer ago than this. Returns how many. */
export async function forgetFiles(
  sql: Sql,
  query: { readonly keptMs: number; readonly limit: number },
): Promise<number> {
  const rows = await sql`
    delete from files where file_id in (
      select file_id from files where state in ('expired', 'deleted')
        and ended_at < clock_timestamp() - ${query.keptMs} * interval '1 millisecond'
      order by ended_at limit ${query.limit} for update skip locked
    ) returning file_id`;
  return rows.length;
}
