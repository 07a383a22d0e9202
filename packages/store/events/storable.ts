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
