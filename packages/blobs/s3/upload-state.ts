import { BLOB_PART_BYTES } from "@millrace/core/limits";
import type { SentPart } from "./multipart.ts";
import type { S3Requests } from "./requests.ts";
import { faultOfAnswer } from "./s3-fault.ts";

/**
 * What is known of an upload, in one object: a line of JSON, then the bytes that make no whole part yet. Writing that
 * object is the one step that commits an append, so what it says is always whole: a part that was sent and not written
 * down is sent again, and the first one dropped in the end. The object is replaced only as the version that was read (`If-Match`); so of two
 * processes that append at once, one learns that it is too late.
 */
export interface UploadState {
  /** Random: this very upload, and the mark of the blob that it becomes. */
  readonly mark: string;
  /** Random: this very state. */
  readonly revision: string;
  /** Undefined while there is no whole part. */
  readonly uploadId: string | undefined;
  /** In order; each has BLOB_PART_BYTES bytes. */
  readonly parts: readonly SentPart[];
  readonly tail: Uint8Array;
}

export interface StoredState {
  readonly state: UploadState;
  readonly etag: string;
  readonly savedAtMs: number;
}

export function newState(): UploadState {
  const [mark, revision] = [crypto.randomUUID(), crypto.randomUUID()];
  return { mark, revision, uploadId: undefined, parts: [], tail: new Uint8Array() };
}

export function offsetOf({ parts, tail }: UploadState): number {
  return parts.length * BLOB_PART_BYTES + tail.byteLength;
}

export async function loadState(requests: S3Requests, name: string): Promise<StoredState | undefined> {
  const answer = await requests.send({ method: "GET", name, expects: [200, 404] });
  if (answer.status === 404) return undefined;
  const etag = answer.headers.get("etag");
  if (etag === null) throw faultOfAnswer(answer);
  return {
    state: decodeState(answer.body),
    etag,
    savedAtMs: Date.parse(answer.headers.get("last-modified") ?? ""),
  };
}

/**
 * @param replaced the ETag of the version to replace; undefined: there is none yet.
 * @returns the new ETag; undefined when another version is there.
 */
export async function saveState(
  requests: S3Requests,
  name: string,
  { state, replaced }: { readonly state: UploadState; readonly replaced: string | undefined },
): Promise<string | undefined> {
  const headers: Readonly<Record<string, string>> =
    replaced === undefined ? { "if-none-match": "*" } : { "if-match": replaced };
  const body = encodeState(state);
  // 404: what was to be replaced has been removed.
  const answer = await requests.send({ method: "PUT", name, headers, body, expects: [200, 404, 412] });
  if (answer.status === 200) return answer.headers.get("etag") ?? (await savedEtag(requests, name, state));
  // The answer to a first attempt may have got lost: then the other version is our own.
  return answer.attempts > 1 ? savedEtag(requests, name, state) : undefined;
}

async function savedEtag(
  requests: S3Requests,
  name: string,
  state: UploadState,
): Promise<string | undefined> {
  const stored = await loadState(requests, name);
  return stored?.state.revision === state.revision ? stored.etag : undefined;
}

const NEW_LINE = 10;

export function encodeState({ tail, ...rest }: UploadState): Uint8Array {
  return Buffer.concat([Buffer.from(`${JSON.stringify({ version: 1, ...rest })}\n`), tail]);
}

export function decodeState(bytes: Uint8Array): UploadState {
  const lineEnd = bytes.indexOf(NEW_LINE);
  const told: unknown = JSON.parse(new TextDecoder().decode(bytes.subarray(0, Math.max(lineEnd, 0))));
  if (!isState(told)) throw new Error("the state of an upload is damaged, or of a newer version");
  const { mark, revision, uploadId, parts } = told;
  return { mark, revision, uploadId, parts, tail: bytes.subarray(lineEnd + 1) };
}

type Told = Omit<UploadState, "tail"> & { readonly version: 1 };

function isState(told: unknown): told is Told {
  if (typeof told !== "object" || told === null) return false;
  const fields: Partial<Record<keyof Told, unknown>> = told;
  const { version, mark, revision, uploadId, parts } = fields;
  const hasNames = typeof mark === "string" && typeof revision === "string";
  const hasParts = Array.isArray(parts) && parts.every(isSentPart);
  return version === 1 && hasNames && hasParts && (uploadId === undefined || typeof uploadId === "string");
}

function isSentPart(told: unknown): told is SentPart {
  if (typeof told !== "object" || told === null) return false;
  const { number, etag }: Partial<Record<keyof SentPart, unknown>> = told;
  return Number.isSafeInteger(number) && typeof etag === "string";
}
