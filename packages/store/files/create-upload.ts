import type { Json } from "@millrace/core";
import type { Sql, Transaction } from "../connect.ts";
import type { FileRecord, UploadKind } from "./file-record.ts";
import { findFileByIdempotencyKey } from "./find-file.ts";

export interface NewUpload {
  /** UUIDv7; also the id of the task to be. */
  readonly fileId: string;
  readonly ownerId: number;
  readonly tenant: string | null;
  readonly filename: string;
  readonly contentType: string;
  /** Null: the request has not said it yet; `finishUpload` brings it. */
  readonly operation: string | null;
  readonly options: Json;
  /** Null when the client did not say; then as much is set aside as there is, up to `bytesMax`. */
  readonly declaredSize: number | null;
  /** What one file may have. */
  readonly bytesMax: number;
  readonly uploadKind: UploadKind;
  readonly contentKey: string;
  /** From now until the upload counts as given up. */
  readonly lifeMs: number;
  readonly idempotencyKey: string | null;
  readonly correlationId: string;
  /** As the client sent it, to be given back. */
  readonly uploadMetadata?: string | null;
}

export interface FileQuota {
  /** Files that one user may keep, and their bytes together. Results do not count. */
  readonly filesMax: number;
  readonly bytesMax: number;
  /** Uploads that one user may begin in a minute. */
  readonly perMinuteMax: number;
}

export type UploadCreation =
  /** `keptBytes`: what was set aside for it, and so what it may have. */
  | {
      readonly kind: "created";
      readonly createdAt: Date;
      readonly expiresAt: Date;
      readonly keptBytes: number;
    }
  /** The idempotency key was used, and that file has arrived. */
  | { readonly kind: "existing"; readonly file: FileRecord }
  | { readonly kind: "too-many-files" | "too-many-bytes"; readonly used: number; readonly max: number }
  | { readonly kind: "too-fast"; readonly retryAfterS: number };

/** Any constant: it parts these locks from other advisory locks in the database. */
const OWNER_LOCK = 720_411_005;
const RATE_WINDOW_S = 60;

interface Standing {
  readonly files: number;
  readonly bytes: number;
  readonly recent: number;
  readonly waitS: number;
}

/**
 * Begins an upload, unless its owner has used up what one may have. Uploads of one user begin one after the other, over
 * all processes: each sees the ones before it, so that parallel requests cannot pass the quota together.
 * An unfinished upload with the same idempotency key is given up: its client has come back.
 */
export async function createUpload(sql: Sql, upload: NewUpload, quota: FileQuota): Promise<UploadCreation> {
  return await sql.begin(async (tx) => {
    await tx`select pg_advisory_xact_lock(${OWNER_LOCK}::integer, hashint8(${upload.ownerId}::bigint))`;
    if (upload.idempotencyKey !== null) {
      const existing = await findFileByIdempotencyKey(tx, upload.ownerId, upload.idempotencyKey);
      if (existing?.state === "uploaded") return { kind: "existing", file: existing };
      if (existing !== null) await giveUp(tx, existing.fileId);
    }
    const standing = await lookAt(tx, upload.ownerId, quota);
    const room = Math.min(upload.bytesMax, quota.bytesMax - standing.bytes);
    const keptBytes = upload.declaredSize ?? room;
    return refusal(standing, { keptBytes, room, quota }) ?? (await insert(tx, upload, keptBytes));
  });
}

/** `finishUpload` of the other request finds it gone, unless it was first; then its file counts. */
async function giveUp(tx: Transaction, fileId: string): Promise<void> {
  await tx`update files set state = 'expired', ended_at = clock_timestamp()
    where file_id = ${fileId} and state = 'uploading'`;
}

/** The last minute is looked up by the ids, which grow with time; the window ends when its oldest upload leaves it. */
async function lookAt(tx: Transaction, ownerId: number, quota: FileQuota): Promise<Standing> {
  const [row] = await tx<Standing[]>`
    select kept.files, kept.bytes, recent.count as recent,
      greatest(1, ceil(extract(epoch from recent.oldest - clock_timestamp()) + ${RATE_WINDOW_S}))::integer as "waitS"
    from (
      select count(*)::integer as files, coalesce(sum(kept_bytes), 0)::bigint as bytes
      from files where owner_id = ${ownerId} and state in ('uploading', 'uploaded')
    ) kept, (
      select count(*)::integer as count, min(created_at) as oldest from (
        select created_at from files where owner_id = ${ownerId} order by file_id desc limit ${quota.perMinuteMax}
      ) newest where created_at > clock_timestamp() - ${RATE_WINDOW_S} * interval '1 second'
    ) recent`;
  return row ?? { files: 0, bytes: 0, recent: 0, waitS: 1 };
}

interface Wanted {
  readonly keptBytes: number;
  readonly room: number;
  readonly quota: FileQuota;
}

function refusal(standing: Standing, { keptBytes, room, quota }: Wanted): UploadCreation | undefined {
  const { files, bytes, recent, waitS } = standing;
  if (recent >= quota.perMinuteMax) return { kind: "too-fast", retryAfterS: waitS };
  if (files >= quota.filesMax) return { kind: "too-many-files", used: files, max: quota.filesMax };
  const isFull = keptBytes > room || (room <= 0 && keptBytes !== 0);
  return isFull ? { kind: "too-many-bytes", used: bytes, max: quota.bytesMax } : undefined;
}

async function insert(tx: Transaction, upload: NewUpload, keptBytes: number): Promise<UploadCreation> {
  const options = upload.options === null ? null : JSON.stringify(upload.options);
  const [row] = await tx<{ createdAt: Date; expiresAt: Date }[]>`
    insert into files (file_id, owner_id, tenant, filename, content_type, operation, options, declared_size,
      upload_kind, upload_expires_at, content_key, kept_bytes, idempotency_key, correlation_id, created_at,
      upload_metadata)
    values (${upload.fileId}, ${upload.ownerId}, ${upload.tenant}, ${upload.filename}, ${upload.contentType},
      ${upload.operation}, ${options}::text::json, ${upload.declaredSize}, ${upload.uploadKind},
      clock_timestamp() + ${upload.lifeMs} * interval '1 millisecond', ${upload.contentKey}, ${keptBytes},
      ${upload.idempotencyKey}, ${upload.correlationId}, clock_timestamp(), ${upload.uploadMetadata ?? null})
    returning created_at as "createdAt", upload_expires_at as "expiresAt"`;
  if (row === undefined) throw new Error("an insert returned no row");
  return { kind: "created", ...row, keptBytes };
}
