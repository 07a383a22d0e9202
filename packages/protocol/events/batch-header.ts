/** Header that says what the lines of a message are, as JSON in ASCII. */
export const BATCH_HEADER = "Millrace-Batch";
const VERSION = 1;

/** One HTTP request's lines within a message. */
export interface BatchRequest {
  /** Its first line, from 0. */
  readonly first: number;
  readonly count: number;
  /** The user who sent it. */
  readonly owner: number;
  /** Epoch ms of its arrival: the time of events that bring none. */
  readonly at: number;
  /** Correlation id. */
  readonly cid: string;
  /** For events that bring none. */
  readonly source: string | null;
  /** Records that the api refused since the request's last message: counted, and not in the body. */
  readonly rejected: number;
  /** `keyDigest` of the request's Idempotency-Key. Such a request has the message to itself. */
  readonly ik?: string;
  /** Which message of that request this is, from 0. Stands where `ik` does. */
  readonly part?: number;
  /** `linesDigest` of the message. Stands where `ik` does: a repetition has the same. */
  readonly body?: string;
}

export interface BatchHeader {
  /** The api process that wrote it: a random name, new with every start. */
  readonly instance: string;
  /** From 1, without gaps but for those that `voided` tells of: a gap is a lost message. */
  readonly ordinal: number;
  /** Events in all messages of lower ordinals, voided ones included: says how many a lost message held. */
  readonly before?: number;
  /** Ordinals given up without an acknowledgement. Told until a message that tells of them is acknowledged. */
  readonly voided: readonly number[];
  /** How many events each of those would have brought, in the same order. */
  readonly voidedEvents?: readonly number[];
  /** Lines in this message. */
  readonly events: number;
  readonly requests: readonly BatchRequest[];
}

export function encodeBatchHeader(header: BatchHeader): string {
  return toAscii(JSON.stringify({ v: VERSION, ...header }));
}

/** NATS headers are bytes to the server and UTF-8 to most clients; ASCII is read alike by all. */
function toAscii(json: string): string {
  return json.replace(/[\x7f-\uffff]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** @returns undefined for what no api of this version has written. */
export function decodeBatchHeader(text: string): BatchHeader | undefined {
  const value = parse(text);
  if (!isRecord(value) || value.v !== VERSION) return undefined;
  const { instance, ordinal, before, voided, voidedEvents, events, requests } = value;
  if (typeof instance !== "string" || !isCount(ordinal) || !isCount(events)) return undefined;
  if (before !== undefined && !isCount(before)) return undefined;
  if (!Array.isArray(voided) || !voided.every(isCount)) return undefined;
  const areCounted = Array.isArray(voidedEvents) && voidedEvents.length === voided.length;
  if (voidedEvents !== undefined && !(areCounted && voidedEvents.every(isCount))) return undefined;
  if (!Array.isArray(requests) || !requests.every(isBatchRequest)) return undefined;
  return {
    ...{ instance, ordinal, voided, events, requests },
    ...(before !== undefined && { before }),
    ...(voidedEvents !== undefined && { voidedEvents }),
  };
}

const DIGEST = /^[0-9a-f]{16}$/;

function isBatchRequest(value: unknown): value is BatchRequest {
  if (!isRecord(value)) return false;
  const { first, count, owner, at, cid, source, rejected, ik, part, body } = value;
  const isRepeatable = typeof ik === "string" && isCount(part);
  return (
    [first, count, owner, at, rejected].every(isCount) &&
    typeof cid === "string" &&
    (source === null || typeof source === "string") &&
    (isRepeatable || (ik === undefined && part === undefined)) &&
    (body === undefined || (typeof body === "string" && DIGEST.test(body)))
  );
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}
