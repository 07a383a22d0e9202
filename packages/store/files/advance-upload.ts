import type { Sql } from "../connect.ts";

/**
 * Notes how far an upload is, and gives it new time. The storage knows better how far it is: this is for those who ask.
 * Null when the file is not uploading any more.
 */
export async function advanceUpload(
  sql: Sql,
  fileId: string,
  progress: { readonly offset: number; readonly lifeMs: number },
): Promise<{ readonly expiresAt: Date } | null> {
  const [row] = await sql<{ expiresAt: Date }[]>`
    update files set upload_offset = greatest(upload_offset, ${progress.offset}),
      upload_expires_at = greatest(upload_expires_at, clock_timestamp() + ${progress.lifeMs} * interval '1 millisecond')
    where file_id = ${fileId} and state = 'uploading'
    returning upload_expires_at as "expiresAt"`;
  return row ?? null;
}
