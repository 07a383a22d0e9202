import { type BatchHeader, type BatchRequest, decodeBatchHeader } from "@millrace/protocol/events/index";
import { type BatchRecord, copyRow, type RejectedRecord, storable } from "@millrace/store/events/index";
import { EventMinutes } from "./event-minute.ts";
import { type EventReading, type LinePlace, readEvent } from "./read-event.ts";
import { RollupCounter } from "./rollup-counter.ts";

/** A message of the stream, as it was delivered. */
export interface StreamMessage {
  readonly seq: number;
  /** When the stream took it; epoch ms. */
  readonly storedMs: number;
  /** `Millrace-Batch`; undefined for what somebody else has written. */
  readonly header: string | undefined;
  readonly body: Uint8Array;
}

/** Why lines are not to be stored although they read well: PostgreSQL has refused them. */
export type Poison = Pick<ReadonlyMap<number, string>, "get">;

const NO_POISON: Poison = new Map();
/** Ledger names come from headers: bounded, and without anything that PostgreSQL cannot hold. */
const INSTANCE = /^[\w.:-]{1,128}$/;
const minutes = new EventMinutes();
const LINE_FEED = 0x0a;

/** Reads a whole message, and prepares it for the tables. Never throws: a line that is no event is rejected by itself. */
export function readMessage(message: StreamMessage, poison: Poison = NO_POISON): BatchRecord {
  const lines = linesOf(message.body);
  const header = headerOf(message, lines.length);
  const raw = new RawLines(message.body);
  let rows = "";
  let stored = 0;
  const counter = new RollupCounter();
  const rejected: RejectedRecord[] = [];
  for (const { place: shared, from, to } of spansOf(message, header, lines.length)) {
    const place = { ...shared, line: from }; // One for all lines: this is the hottest loop of the product.
    for (let line = from; line < to; line++) {
      place.line = line;
      const reading = readLine(lines[line] ?? "", place, poison);
      if (reading.ok) {
        rows += copyRow(reading.event);
        stored += 1;
        counter.add(reading.event, reading.minuteMs);
      } else {
        const { reason, detail } = reading;
        rejected.push({
          line,
          ownerId: place.ownerId,
          reason,
          detail,
          record: raw.bytesOf(line),
        });
      }
    }
  }
  const { instance, ordinal, requests, voided, voidedEvents } = header;
  return {
    seq: message.seq,
    instance,
    ordinal,
    receivedMs: requests[0]?.at ?? message.storedMs,
    bytes: message.body.length,
    events: header.events,
    refused: requests.reduce((sum, request) => sum + request.rejected, 0),
    before: header.before ?? null,
    voided: voided.map((each, index) => ({ ordinal: each, events: voidedEvents?.[index] ?? null })),
    repeatable: repeatableOf(requests),
    ...{ stored, rows },
    rollups: counter.rollups,
    rejected,
  };
}

function readLine(text: string, place: LinePlace, poison: Poison): EventReading {
  const detail = poison.get(place.line);
  if (detail !== undefined) return { ok: false, reason: "EVENT_NOT_STORABLE", detail };
  return readEvent(text, place, minutes);
}

/** A line feed at the end ends the last line; it does not begin another one. */
function linesOf(body: Uint8Array): readonly string[] {
  if (body.length === 0) return [];
  const end = body.at(-1) === LINE_FEED ? body.length - 1 : body.length;
  return Buffer.from(body.buffer, body.byteOffset, end).toString("utf8").split("\n");
}

/** The bytes as they came: decoded text may have lost what was wrong with them. Looked for only when a line is rejected. */
class RawLines {
  readonly #body: Uint8Array;
  #starts: number[] | undefined;

  constructor(body: Uint8Array) {
    this.#body = body;
  }

  bytesOf(line: number): Uint8Array {
    this.#starts ??= this.#findStarts();
    const start = this.#starts[line] ?? this.#body.length;
    const next = this.#starts[line + 1];
    return this.#body.subarray(start, next === undefined ? this.#body.length : next - 1);
  }

  #findStarts(): number[] {
    const starts = [0];
    for (let at = this.#body.indexOf(LINE_FEED); at !== -1; at = this.#body.indexOf(LINE_FEED, at + 1))
      starts.push(at + 1);
    return starts;
  }
}

function headerOf({ seq, header, storedMs }: StreamMessage, lines: number): BatchHeader {
  const decoded = header === undefined ? undefined : decodeBatchHeader(header);
  const whole = { first: 0, count: lines, owner: 0, at: storedMs, cid: `stream-${seq}` };
  const unclaimed = [{ ...whole, source: null, rejected: 0 }];
  if (decoded === undefined || !INSTANCE.test(decoded.instance))
    return { instance: "", ordinal: seq, voided: [], events: lines, requests: unclaimed };
  return decoded.requests.length > 0 ? decoded : { ...decoded, requests: unclaimed };
}

interface Span {
  readonly place: Omit<LinePlace, "line">;
  readonly from: number;
  readonly to: number;
}

/** Each line belongs to one request; lines that no request claims, to whom nothing is known of. */
function spansOf({ seq }: StreamMessage, { requests }: BatchHeader, lines: number): readonly Span[] {
  const spans: Span[] = [];
  let next = 0;
  const claim = (request: BatchRequest, to: number): void => {
    const { owner, at, cid, source } = request;
    const receivedMs = Math.min(at, TIME_MS_MAX);
    const receivedAt = new Date(receivedMs).toISOString();
    const place = {
      seq,
      ownerId: owner,
      receivedMs,
      receivedAt,
      correlationId: storable(cid),
      defaultSource: source,
    };
    if (to > next) spans.push({ place, from: next, to });
    next = Math.max(next, to);
  };
  const [first] = requests;
  for (const request of requests) claim(request, Math.min(lines, request.first + request.count));
  if (next < lines && first !== undefined) claim({ ...first, owner: 0 }, lines);
  return spans;
}

/** The last moment whose year has four digits. */
const TIME_MS_MAX = Date.UTC(9999, 0);

function repeatableOf(requests: readonly BatchRequest[]): BatchRecord["repeatable"] {
  const [request] = requests;
  if (requests.length !== 1 || request?.ik === undefined || request.part === undefined) return null;
  const { owner, ik, part, body = null } = request;
  return { ownerId: owner, digest: ik, part, bodyDigest: body };
}
