import {
  type BatchHeader,
  type BatchRequest,
  decodeBatchHeader,
  toByteText,
} from "@millrace/protocol/events/index";
import { type BatchRecord, EventRows, type RejectedRecord, storable } from "@millrace/store/events/index";
import { EventMinutes } from "./event-minute.ts";
import { Lines } from "./lines.ts";
import { type EventReading, type LinePlace, readEvent, readPlainEvent } from "./read-event.ts";
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
/** What a row takes beside the bytes of its line, about. */
const ROW_BYTES = 128;

/** Reads a whole message, and prepares it for the tables. Never throws: a line that is no event is rejected by itself. */
export function readMessage(message: StreamMessage, poison: Poison = NO_POISON): BatchRecord {
  const lines = new Lines(message.body);
  const header = headerOf(message, lines.count);
  const rows = new EventRows(message.body.length + ROW_BYTES * lines.count);
  let stored = 0;
  const counter = new RollupCounter();
  const rejected: RejectedRecord[] = [];
  for (const { place: shared, from, to } of spansOf(message, header, lines.count)) {
    rows.begin(shared);
    const place = { ...shared, line: from }; // One for all lines: this is the hottest loop of the product.
    for (let line = from; line < to; line++) {
      place.line = line;
      const reading = readLine(lines, place, poison);
      if (reading.ok) {
        rows.add(reading.event);
        stored += 1;
        counter.add(place.ownerId, reading.event);
      } else {
        const { reason, detail } = reading;
        rejected.push({ line, ownerId: place.ownerId, reason, detail, record: lines.bytesOf(line) });
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
    ...{ stored, rows: rows.bytes },
    rollups: counter.rollups,
    rejected,
  };
}

function readLine(lines: Lines, place: LinePlace, poison: Poison): EventReading {
  const detail = poison.get(place.line);
  if (detail !== undefined) return { ok: false, reason: "EVENT_NOT_STORABLE", detail };
  const plain = lines.readPlain(place.line);
  const event = plain === undefined ? undefined : readPlainEvent(plain, place, minutes);
  return event === undefined ? readEvent(lines.textOf(place.line), place, minutes) : { ok: true, event };
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
    const place = {
      seq,
      ownerId: owner,
      receivedMs: Math.min(at, TIME_MS_MAX),
      correlationId: toByteText(storable(cid)),
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
