import {
  EVENT_AHEAD_MS_MAX,
  EVENT_ID_CHARS_MAX,
  EVENT_LEVEL_CHARS_MAX,
  EVENT_SOURCE_CHARS_MAX,
  EVENT_TIME_MS_MIN,
  EVENT_TYPE_CHARS_MAX,
} from "@millrace/core/limits";
import {
  EVENT_LEVEL_DEFAULT,
  EVENT_SOURCE_DEFAULT,
  type EventRefusal,
  type PlainLines,
  toByteText,
} from "@millrace/protocol/events/index";
import type { EventFields, RowOrigin } from "@millrace/store/events/event-rows";
import { storable, storableJson } from "@millrace/store/events/storable";
import { type EventMinutes, type EventMoment, momentOf, toText } from "./event-minute.ts";

/** What is known of a line beside its text. */
export interface LinePlace extends RowOrigin {
  /** From 0, within the message. */
  readonly line: number;
  readonly defaultSource: string | null;
}

export type EventReading =
  | { readonly ok: true; readonly event: EventFields }
  | { readonly ok: false; readonly reason: EventRefusal; readonly detail: string };

type Fields = Readonly<Record<string, unknown>>;

/**
 * Reads one line. The api has checked it; checked again is what PostgreSQL would stumble over, since anybody with access to
 * NATS can write to the stream, too. Fields that are no event's own go into its attributes.
 */
export function readEvent(text: string, place: LinePlace, minutes: EventMinutes): EventReading {
  const fields = parseObject(text);
  if (fields === undefined) return refuse("BAD_JSON", "the line is not a JSON object");
  const { type, message, timestamp } = fields;
  if (!isText(type, EVENT_TYPE_CHARS_MAX) || type === "") return refuse("VALIDATION_FAILED", "type");
  if (typeof message !== "string") return refuse("VALIDATION_FAILED", "message");
  const source = fields.source ?? place.defaultSource ?? EVENT_SOURCE_DEFAULT;
  const level = fields.level ?? EVENT_LEVEL_DEFAULT;
  const id = fields.id ?? null;
  if (!isText(source, EVENT_SOURCE_CHARS_MAX)) return refuse("VALIDATION_FAILED", "source");
  if (!isText(level, EVENT_LEVEL_CHARS_MAX)) return refuse("VALIDATION_FAILED", "level");
  if (id !== null && !isText(id, EVENT_ID_CHARS_MAX)) return refuse("VALIDATION_FAILED", "id");
  const moment = isAbsent(timestamp) ? arrivalOf(place) : minutes.read(timestamp);
  if (moment === undefined) return refuse("VALIDATION_FAILED", "timestamp");
  if (isTooOld(moment)) return refuse("EVENT_TOO_OLD", toText(moment));
  if (isTooNew(moment, place)) return refuse("EVENT_TOO_NEW", toText(moment));
  const attributes = attributesOf(fields);
  return {
    ok: true,
    event: {
      ...moment,
      line: place.line,
      type: toByteText(storable(type)),
      level: toByteText(storable(level)),
      source: toByteText(storable(source)),
      message: toByteText(storable(message)),
      attributes: attributes === null ? null : toByteText(storableJson(attributes)),
      id: id === null ? null : toByteText(storable(id)),
    },
  };
}

/**
 * The same for the line that `lines` has just read. Undefined: `readEvent` must look at it, and will find out what is wrong,
 * if anything. Its texts are measured in bytes here, which are never fewer than the characters that count.
 */
export function readPlainEvent(
  lines: PlainLines,
  place: LinePlace,
  minutes: EventMinutes,
): EventFields | undefined {
  const { type, message, timestamp, attributes, id } = lines;
  const source = lines.source ?? (place.defaultSource === null ? EVENT_SOURCE_DEFAULT : undefined);
  const level = lines.level ?? EVENT_LEVEL_DEFAULT;
  if (type === null || message === null || source === undefined) return undefined;
  if (type === "" || type.length > EVENT_TYPE_CHARS_MAX) return undefined;
  if (source.length > EVENT_SOURCE_CHARS_MAX || level.length > EVENT_LEVEL_CHARS_MAX) return undefined;
  if (id !== null && id.length > EVENT_ID_CHARS_MAX) return undefined;
  const moment = timestamp === null ? arrivalOf(place) : minutes.read(timestamp);
  if (moment === undefined || isTooOld(moment) || isTooNew(moment, place)) return undefined;
  const { minuteMs, micros } = moment;
  return { minuteMs, micros, line: place.line, type, level, source, message, attributes, id };
}

function isTooOld({ minuteMs }: EventMoment): boolean {
  return minuteMs < EVENT_TIME_MS_MIN;
}

function isTooNew({ minuteMs }: EventMoment, { receivedMs }: LinePlace): boolean {
  return minuteMs > receivedMs + EVENT_AHEAD_MS_MAX;
}

/**
 * An event without a time happened when its request arrived, and a microsecond later for each line before it: so the lines
 * of a request keep their order in lists, and a page need not sort thousands of equal times.
 */
function arrivalOf({ receivedMs, line }: LinePlace): EventMoment | undefined {
  return momentOf(receivedMs + line / 1000);
}

const OWN: ReadonlySet<string> = new Set([
  "timestamp",
  "type",
  "message",
  "source",
  "level",
  "attributes",
  "id",
]);

/** As JSON; null for none. What stands in `attributes` wins over a stray field of the same name. */
function attributesOf(fields: Fields): string | null {
  let strays: [string, unknown][] | undefined;
  for (const name in fields) {
    if (OWN.has(name)) continue;
    strays ??= [];
    strays.push([name, fields[name]]);
  }
  const { attributes } = fields;
  if (strays === undefined) return isAbsent(attributes) ? null : JSON.stringify(attributes);
  const own = typeof attributes === "object" && attributes !== null ? Object.entries(attributes) : [];
  return JSON.stringify(Object.fromEntries([...strays, ...own]));
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

function isAbsent(value: unknown): boolean {
  return value === undefined || value === null;
}

function isText(value: unknown, charsMax: number): value is string {
  return typeof value === "string" && value.length <= charsMax;
}

function refuse(reason: EventRefusal, detail: string): EventReading {
  return { ok: false, reason, detail };
}
