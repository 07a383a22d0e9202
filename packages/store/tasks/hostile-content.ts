import type { Json } from "@millrace/core";
import { ALONE_LOG_BYTES_MAX, ERROR_MESSAGE_CHARS_MAX } from "@millrace/core/limits";

/** `\u0000` and half surrogate pairs, as JSON.stringify writes them. May also match a text that only looks like one. */
const HOSTILE = /\\u(?:0000|d[89a-f])/;

/**
 * Rows for `json_to_recordset`. It unescapes all that it reads, and PostgreSQL's text can hold neither NUL nor half a
 * surrogate pair, although its `json` can: one such payload would fail the statement, and all of its neighbours. So a
 * row with any of these brings its JSON as a text in `<field>_text`, escaped once more; the statement reads
 * `coalesce(x.<field>_text::json, x.<field>)`. For all others that costs one look over the whole.
 */
export function rowsAsJson<Field extends string>(
  rows: readonly ({ readonly i: number } & { readonly [name in Field]?: Json })[],
  field: Field,
): string {
  const plain = JSON.stringify(rows);
  if (!HOSTILE.test(plain)) return plain;
  return JSON.stringify(
    rows.map((row) => {
      const text = JSON.stringify(row[field]);
      if (text === undefined || !HOSTILE.test(text)) return row;
      return { ...row, [field]: undefined, [`${field}_text`]: text };
    }),
  );
}

/** A message for people, as PostgreSQL's text can hold it. It comes from handlers, so it may be anything, of any length. */
export function storableText(text: string): string {
  return text.slice(0, ERROR_MESSAGE_CHARS_MAX).replaceAll("\0", "").toWellFormed();
}

/** The end of what a process wrote, as PostgreSQL's text can hold it. */
export function storableLog(text: string): string {
  return text.slice(-ALONE_LOG_BYTES_MAX).replaceAll("\0", "").toWellFormed();
}
