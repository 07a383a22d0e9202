/** An event as it goes into the table. Texts hold neither NUL nor half a surrogate pair: `storable` sees to it. */
export interface EventRecord {
  /** RFC 3339, as PostgreSQL reads it; microseconds at most. */
  readonly ts: string;
  readonly receivedAt: string;
  /** The message's place in the stream, and the event's line in it. */
  readonly seq: number;
  readonly line: number;
  /** 0: it did not come by way of the api. */
  readonly ownerId: number;
  readonly type: string;
  readonly level: string;
  readonly source: string;
  readonly message: string;
  /** JSON; null for none. */
  readonly attributes: string | null;
  /** As the client gave it. */
  readonly id: string | null;
  readonly correlationId: string;
}

/** The order of the fields of a COPY row. */
export const COPY_COLUMNS =
  "ts, received_at, seq, owner_id, line, type, level, source, message, attributes, id, correlation_id";

const SPECIAL = /[\\\t\n\r]/;
const EACH_SPECIAL = /[\\\t\n\r]/g;
const ESCAPES: Readonly<Record<string, string>> = { "\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r" };

/** One line of COPY's text format, with its end. Measured: 0.3 µs for an event of 220 bytes, attributes included. */
export function copyRow(event: EventRecord): string {
  const { attributes, id } = event;
  return `${event.ts}\t${event.receivedAt}\t${event.seq}\t${event.ownerId}\t${event.line}\t${escaped(event.type)}\t${escaped(event.level)}\t${escaped(event.source)}\t${escaped(event.message)}\t${attributes === null ? "\\N" : escaped(attributes)}\t${id === null ? "\\N" : escaped(id)}\t${escaped(event.correlationId)}\n`;
}

/** A field as it stands in a row; null for none. */
export function copiedText(field: string): string | null {
  if (field === "\\N") return null;
  return field.replace(/\\(.)/g, (_, char: string) => UNESCAPES[char] ?? char);
}

const UNESCAPES: Readonly<Record<string, string>> = { t: "\t", n: "\n", r: "\r" };

function escaped(text: string): string {
  return SPECIAL.test(text) ? text.replace(EACH_SPECIAL, (char) => ESCAPES[char] ?? char) : text;
}

/** As PostgreSQL's text can hold it: what it cannot hold becomes U+FFFD. The api does the same before it accepts. */
export function storable(text: string): string {
  return text.includes("\0") ? text.replaceAll("\0", "\ufffd").toWellFormed() : text.toWellFormed();
}

/** `\u0000` and half surrogate pairs as JSON.stringify writes them, unless the backslash itself is escaped. */
const HOSTILE = /(?<!\\)((?:\\\\)*)\\u(?:0000|d[89a-f][0-9a-f]{2})/g;

/** JSON that jsonb takes: it can hold neither NUL nor half a surrogate pair, although JSON can. */
export function storableJson(json: string): string {
  return json.includes("\\u") ? json.replace(HOSTILE, "$1\ufffd") : json;
}
