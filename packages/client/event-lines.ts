import { REQUEST_BYTES_MAX, REQUEST_EVENTS_MAX } from "./bounds.ts";
import type { EventRejection } from "./event-types.ts";

/** An event as it travels: one line of JSON. */
export interface EventLine {
  /** Position among the events that were given. */
  readonly index: number;
  readonly text: string;
  /** In UTF-8, its newline included. */
  readonly bytes: number;
}

export interface Refusal {
  readonly code: string;
  readonly message: string;
}

/** The event in one line, or why there is none. Never throws, whatever its getters and toJSON do. */
export function writeLine(event: unknown): string | Refusal {
  try {
    // JSON.stringify gives undefined for what JSON does not know, whatever its type says.
    const text: string | undefined = JSON.stringify(event);
    return text ?? { code: "BAD_JSON", message: `JSON has no ${typeof event}` };
  } catch (error) {
    return { code: "BAD_JSON", message: error instanceof Error ? error.message : String(error) };
  }
}

const encoder = new TextEncoder();
// biome-ignore lint/suspicious/noControlCharactersInRegex: ASCII begins with them
const ASCII = /^[\x00-\x7f]*$/;

/** Nearly all lines are ASCII, whose length is known without encoding them. */
export function lineBytes(text: string): number {
  return (ASCII.test(text) ? text.length : encoder.encode(text).length) + 1;
}

export const TOO_LARGE: Refusal = {
  code: "EVENT_TOO_LARGE",
  message: `a request may have ${REQUEST_BYTES_MAX} bytes`,
};

export interface PlannedRequests {
  readonly requests: readonly (readonly EventLine[])[];
  /** What fits into no request, or is no JSON. */
  readonly refused: readonly EventRejection[];
}

/**
 * Cuts lines into requests, in their order. The cuts depend on the lines alone, so that the same lines under the same key
 * are the same requests again. Blank lines, which the API does not count, are left out.
 */
export function planRequests(lines: Iterable<string | Refusal>): PlannedRequests {
  const requests: EventLine[][] = [];
  const refused: EventRejection[] = [];
  let open: EventLine[] = [];
  let openBytes = 0;
  let index = -1;
  for (const line of lines) {
    index += 1;
    if (typeof line !== "string") {
      refused.push({ index, ...line });
      continue;
    }
    const text = line.replace(NEWLINES, " ");
    if (text.trim() === "") continue;
    const bytes = lineBytes(text);
    if (bytes > REQUEST_BYTES_MAX) {
      refused.push({ index, ...TOO_LARGE });
      continue;
    }
    if (open.length === 0 || openBytes + bytes > REQUEST_BYTES_MAX || open.length === REQUEST_EVENTS_MAX) {
      open = [];
      openBytes = 0;
      requests.push(open);
    }
    open.push({ index, text, bytes });
    openBytes += bytes;
  }
  return { requests, refused };
}

/** Between tokens JSON takes a blank for a newline; within a string neither may stand. */
const NEWLINES = /[\r\n]+/g;
