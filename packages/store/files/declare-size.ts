import type { Sql } from "../connect.ts";

/**
 * An upload that began without saying its size says it now. False when it is more than was set aside for it, was said
 * before, or the file is not uploading any more.
 */
export async function declareSize(sql: Sql, fileId: string, size: number): Promise<boolean> {
  const rows = await sql`
    update files set declared_size = ${size}, kept_bytes = ${size}
    where file_id = ${fileId} and state = 'uploading' and declared_size is null and kept_bytes >= ${size}
    returning file_id`;
  return rows.length > 0;
}
