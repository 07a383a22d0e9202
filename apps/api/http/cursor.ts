import { Fault } from "@millrace/core";

/** Opaque to clients: the internal id of the last thing on the page. */
export function cursorAfter(seq: number): string {
  return `c${seq.toString(36)}`;
}

export function readCursor(cursor: string | undefined): number | undefined {
  if (cursor === undefined) return undefined;
  const seq = /^c[0-9a-z]{1,11}$/.test(cursor) ? Number.parseInt(cursor.slice(1), 36) : Number.NaN;
  if (Number.isSafeInteger(seq)) return seq;
  const message = "is not a cursor that a list gave out";
  throw new Fault("VALIDATION_FAILED", `in the query string: /cursor ${message}`, {
    errors: [{ path: "/cursor", message }],
  });
}
