import type { EventPage, EventPlace, EventSearch } from "@millrace/store";
import { badQuery } from "./query-words.ts";

export interface EventCursor {
  readonly direction: EventSearch["direction"];
  readonly place: EventPlace;
}

const CURSOR = /^([on])([0-9a-z]{1,11})\.(-1|[0-9a-z]{1,11})\.([0-9a-z]{1,7})$/;

/** Opaque to clients: a direction and a place in time. It stays good while events come in, and after they have gone. */
export function encodeCursor({ direction, place }: EventCursor): string {
  const [letter] = direction;
  const seq = place.seq < 0 ? "-1" : place.seq.toString(36);
  return `${letter}${place.tsUs.toString(36)}.${seq}.${place.line.toString(36)}`;
}

/** Throws VALIDATION_FAILED for what no list gave out. */
export function decodeCursor(text: string): EventCursor {
  const match = CURSOR.exec(text);
  const [letter, tsUs, seq, line] = match?.slice(1) ?? [];
  if (tsUs === undefined || seq === undefined || line === undefined)
    throw badQuery("cursor", "is not a cursor that a list gave out");
  const place = {
    tsUs: Number.parseInt(tsUs, 36),
    seq: seq === "-1" ? -1 : Number.parseInt(seq, 36),
    line: Number.parseInt(line, 36),
  };
  if (!Object.values(place).every(Number.isSafeInteger) || place.line > LINE_MAX)
    throw badQuery("cursor", "is not a cursor that a list gave out");
  return { direction: letter === "o" ? "older" : "newer", place };
}

const LINE_MAX = 2 ** 31 - 1;

export interface PageCursors {
  /** Older events; null at the end. */
  readonly next_cursor: string | null;
  /** Newer events. There may be some later, so a list that is not empty always has it. */
  readonly prev_cursor: string | null;
}

/** Where the pages on both sides begin. @param came the cursor of this page's request. */
export function cursorsOf({ events, next }: EventPage, came: EventCursor | null): PageCursors {
  const cursor = (direction: EventSearch["direction"], place: EventPlace | null | undefined) =>
    place === null || place === undefined ? null : encodeCursor({ direction, place });
  if (came?.direction !== "newer")
    return {
      next_cursor: cursor("older", next),
      prev_cursor: cursor("newer", events[0] ?? came?.place),
    };
  return {
    next_cursor: cursor("older", events.at(-1) ?? came.place),
    prev_cursor: cursor("newer", next ?? events[0] ?? came.place),
  };
}
