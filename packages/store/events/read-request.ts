import type { Sql } from "../connect.ts";

/** A part of a request with an Idempotency-Key, as it was recorded first. */
export interface RecordedRequest {
  readonly firstSeq: number;
  /** Of its lines; null when it was recorded without one. */
  readonly bodyDigest: string | null;
}

/** @returns null for what was not recorded. */
export async function readRequest(
  sql: Sql,
  key: { readonly owner: number; readonly digest: string; readonly part: number },
): Promise<RecordedRequest | null> {
  const [row] = await sql<RecordedRequest[]>`
    select first_seq as "firstSeq", body_digest as "bodyDigest" from event_requests
    where owner_id = ${key.owner} and idempotency_key = ${key.digest} and part = ${key.part}`;
  return row ?? null;
}
