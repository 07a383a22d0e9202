import { Fault } from "@millrace/core";

/** Opaque to clients: the last file of the page. */
export function fileCursorAfter(fileId: string): string {
  return `f${fileId.replaceAll("-", "")}`;
}

/** Throws VALIDATION_FAILED. */
export function readFileCursor(cursor: string | undefined): string | undefined {
  if (cursor === undefined) return undefined;
  const match = /^f([0-9a-f]{8})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{12})$/.exec(cursor);
  if (match !== null) return match.slice(1).join("-");
  const message = "is not a cursor that a list gave out";
  throw new Fault("VALIDATION_FAILED", `in the query string: /cursor ${message}`, {
    errors: [{ path: "/cursor", message }],
  });
}
