import {
  type BatchRequest,
  decodeBatchHeader,
  EVENT_LEVEL_DEFAULT,
  EVENT_SOURCE_DEFAULT,
  eventTimeMs,
  placeId,
} from "@millrace/protocol/events/index";
import type { EventView } from "./view-event.ts";

/** A message of the stream, as it came. */
export interface TailMessage {
  readonly seq: number;
  readonly storedMs: number;
  readonly header: string | undefined;
  readonly body: Uint8Array;
}

export interface TailedEvent {
  readonly ownerId: number;
  readonly event: EventView;
}

type Fields = Readonly<Record<string, unknown>>;

/** The events of a message, as a query will show them. Lines that are none are left out: the recorder rejects them. */
export function* tailedEvents({ seq, storedMs, header, body }: TailMessage): Generator<TailedEvent> {
  const requests = header === undefined ? [] : (decodeBatchHeader(header)?.requests ?? []);
  const nobody = { owner: 0, at: storedMs, cid: `stream-${seq}`, source: null };
  let index = 0;
  for (const [line, text] of Buffer.from(body).toString("utf8").split("\n").entries()) {
    while (index < requests.length - 1 && line >= endOf(requests[index])) index += 1;
    const request = requests[index] ?? nobody;
    const fields = parseObject(text);
    if (fields === undefined) continue;
    yield { ownerId: request.owner, event: view(fields, { request, id: placeId(seq, line), line }) };
  }
}

function endOf(request: BatchRequest | undefined): number {
  return request === undefined ? 0 : request.first + request.count;
}

interface Place {
  readonly request: Pick<BatchRequest, "at" | "cid" | "source">;
  readonly id: string;
  readonly line: number;
}

function view(fields: Fields, { request, id, line }: Place): EventView {
  const { type, message, attributes, timestamp, source, level, id: ownId, ...strays } = fields;
  const own = typeof attributes === "object" && attributes !== null ? attributes : {};
  const ms = eventTimeMs(timestamp) ?? request.at + line / 1_000;
  return {
    id: textOr(ownId, id),
    timestamp: new Date(ms).toISOString(),
    type: textOr(type, ""),
    level: textOr(level, EVENT_LEVEL_DEFAULT),
    source: textOr(source, request.source ?? EVENT_SOURCE_DEFAULT),
    message: textOr(message, ""),
    attributes: { ...strays, ...own },
    received_at: new Date(request.at).toISOString(),
    correlation_id: request.cid,
  };
}

function textOr(value: unknown, fallback: string): string {
  return typeof value === "string" ? value : fallback;
}

function parseObject(text: string): Fields | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
