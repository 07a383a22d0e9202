import type { StoredEvent } from "@millrace/client";
import { oneLine } from "../shell/printable.ts";

/** Of a level's word: red, yellow, grey; others have none. ANSI. */
const COLOURS: Readonly<Record<string, string>> = {
  fatal: "1;31",
  critical: "1;31",
  emergency: "1;31",
  alert: "1;31",
  error: "31",
  warn: "33",
  warning: "33",
  debug: "90",
  trace: "90",
};
const LEVEL_CHARS = 5;

export interface EventLook {
  /** Only for a terminal. */
  readonly isColoured: boolean;
}

/** `2026-01-15T12:00:00.000Z ERROR shop order.failed no stock {"order":7}`: always one line, whatever is in the event. */
export function showEvent(event: StoredEvent, { isColoured }: EventLook): string {
  const level = oneLine(event.level).toUpperCase().padEnd(LEVEL_CHARS);
  const colour = isColoured ? COLOURS[event.level.toLowerCase()] : undefined;
  const attributes = Object.keys(event.attributes).length === 0 ? "" : JSON.stringify(event.attributes);
  const words = [event.source, event.type, event.message, attributes];
  const rest = words.map((word) => oneLine(word)).filter((word) => word !== "");
  return [
    millisecondsOf(event.timestamp),
    colour === undefined ? level : `\x1b[${colour}m${level}\x1b[0m`,
    ...rest,
  ].join(" ");
}

/** Lines stand in columns, however finely their times were given; --json has them in full. */
function millisecondsOf(timestamp: string): string {
  const time = new Date(timestamp);
  return Number.isNaN(time.getTime()) ? oneLine(timestamp) : time.toISOString();
}
