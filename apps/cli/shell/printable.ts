/**
 * For text that somebody else wrote (payloads, errors): a terminal obeys control characters, and must not obey a task.
 * Line breaks stay; everything else that is not printed becomes a space.
 */
export function printable(text: string): string {
  return text.replace(/(?!\n)\p{Cc}/gu, " ");
}

/** The same in one line of at most `charsMax` characters, for tables. */
export function oneLine(text: string, charsMax = Number.POSITIVE_INFINITY): string {
  const flat = printable(text).replace(/\s+/g, " ").trim();
  return flat.length > charsMax ? `${flat.slice(0, charsMax - 1).toWellFormed()}…` : flat;
}
