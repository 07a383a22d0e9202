/**
 * What JSON can say and PostgreSQL cannot store: NUL, and half of a surrogate pair. Unescaped, neither gets past the
 * check for UTF-8; escaped, they are six bytes each, as is the replacement character that takes their place.
 */
const SUSPICIOUS = /\\u(?:0000|[dD][89a-fA-F])/;
/** One escape at a time, so that `\\u0000`, a backslash and five letters, stays what it is. A pair counts as one. */
const ESCAPE = /\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|[^u])/g;
const REPLACEMENT = "\\ufffd";

export function isSuspicious(line: string): boolean {
  return SUSPICIOUS.test(line);
}

/** Replaces them where they stand. The line is valid JSON: its backslashes are in strings. */
export function mendEscapes(line: Uint8Array): void {
  const bytes = Buffer.from(line.buffer, line.byteOffset, line.byteLength);
  // As Latin-1, a place in the text is a place in the bytes.
  for (const { 0: text, index } of bytes.toString("latin1").matchAll(ESCAPE))
    if (text.length === REPLACEMENT.length && SUSPICIOUS.test(text))
      bytes.write(REPLACEMENT, index, "latin1");
}
