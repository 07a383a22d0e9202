/** UTF-8, a character for each byte (U+0000 to U+00FF): text that is on its way somewhere, and need not be encoded again. */
export type ByteText = string;

const ASCII = /^[\0-\x7f]*$/;

export function toByteText(text: string): ByteText {
  return ASCII.test(text) ? text : Buffer.from(text, "utf8").toString("latin1");
}

export function fromByteText(bytes: ByteText): string {
  return ASCII.test(bytes) ? bytes : Buffer.from(bytes, "latin1").toString("utf8");
}
