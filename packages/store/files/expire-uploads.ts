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
 * Ends files whose tasks have ended and were made longer ago than FILE_RETENTION_DAYS, which is at most as long as tasks
 * are kept: no file outlives its task. The ids of tasks grow with time, so that nothing is read when none is due.
 */
export async function retireFiles(
  sql: Sql,
  query: { readonly keptDays: number; readonly limit: number },
): Promise<readonly EndedFile[]> {
  return await sql<EndedFile[]>`
    with due as materialized (
      select file_id from files
      where state = 'uploaded' and task_seq < seq_at(clock_timestamp() - ${query.keptDays} * interval '1 day')
        and not exists (select 1 from open_tasks o where o.seq = task_seq)
      order by task_seq limit ${query.limit} for update skip locked
    )
    update files f set state = 'expired', ended_at = clock_timestamp()
    from due where f.file_id = due.file_id returning f.file_id as "fileId", f.content_key as "contentKey"`;
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
