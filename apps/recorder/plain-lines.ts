import type { ByteText } from "@millrace/store/events/event-rows";

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const CLOSING_BRACE = 0x7d;
const OPENING_BRACE = 0x7b;

/** What JSON escapes, or must escape; line feeds end lines. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const SPECIAL = /[\\\x00-\x09\x0b-\x1f]/g;
const ATTRIBUTES = "attributes";

/** Attributes as nearly all clients send them: no escapes, no blanks, no exponents, one level of nesting. */
const TEXT = '"[^"\\\\]*"';
const SCALAR = `(?:${TEXT}|-?(?:0|[1-9]\\d{0,14})(?:\\.\\d{1,15})?|true|false|null)`;
const listOf = (value: string) => `\\[(?:${value}(?:,${value})*)?\\]`;
const objectOf = (value: string) => `\\{(?:${TEXT}:${value}(?:,${TEXT}:${value})*)?\\}`;
const VALUE = `(?:${SCALAR}|${listOf(SCALAR)}|${objectOf(SCALAR)})`;
const PLAIN_ATTRIBUTES = new RegExp(objectOf(VALUE), "y");

/**
 * Reads lines in the form in which nearly all events come: one JSON object without blanks, whose values are texts without
 * escapes, and `attributes`. Such a line needs no parser: its texts are cut out of it, and its attributes are JSON already.
 * Every other line it leaves to one. Measured for 240 bytes: 0.25 µs, where parsing and writing the attributes takes 1.2.
 */
export class PlainLines {
  readonly #text: ByteText;
  #nextSpecial = -1;
  timestamp: ByteText | null = null;
  type: ByteText | null = null;
  level: ByteText | null = null;
  source: ByteText | null = null;
  message: ByteText | null = null;
  id: ByteText | null = null;
  attributes: ByteText | null = null;

  /** @param text lines of valid UTF-8. */
  constructor(text: ByteText) {
    this.#text = text;
  }

  /** Lines must be asked for in their order. @returns whether it is such a line; then its fields are set. */
  read(start: number, end: number): boolean {
    const text = this.#text;
    if (text.charCodeAt(start) !== OPENING_BRACE || this.#hasSpecial(start, end)) return false;
    this.#forget();
    for (let at = start + 1; ; at += 1) {
      at = this.#readField(at, end);
      if (at === -1) return false;
      const char = text.charCodeAt(at);
      if (char === CLOSING_BRACE) return at + 1 === end;
      if (char !== COMMA) return false;
    }
  }

  /** Returns where the field ends; -1 for anything that is not plain. */
  #readField(at: number, end: number): number {
    const text = this.#text;
    if (text.charCodeAt(at) !== QUOTE) return -1;
    const keyEnd = text.indexOf('"', at + 1);
    if (keyEnd === -1 || keyEnd >= end || text.charCodeAt(keyEnd + 1) !== COLON) return -1;
    const key = text.slice(at + 1, keyEnd);
    if (text.charCodeAt(keyEnd + 2) !== QUOTE)
      return key === ATTRIBUTES ? this.#readAttributes(keyEnd + 2) : -1;
    const valueEnd = text.indexOf('"', keyEnd + 3);
    if (valueEnd === -1 || valueEnd >= end) return -1;
    return this.#keep(key, text.slice(keyEnd + 3, valueEnd)) ? valueEnd + 1 : -1;
  }

  /** They hold no line feed, so they cannot end in another line. */
  #readAttributes(at: number): number {
    PLAIN_ATTRIBUTES.lastIndex = at;
    if (!PLAIN_ATTRIBUTES.test(this.#text)) return -1;
    this.attributes = this.#text.slice(at, PLAIN_ATTRIBUTES.lastIndex);
    return PLAIN_ATTRIBUTES.lastIndex;
  }

  /** As a parser does, the last of two fields of one name is kept. False: no field of an event. */
  #keep(key: string, value: ByteText): boolean {
    switch (key) {
      case "timestamp":
        this.timestamp = value;
        return true;
      case "type":
        this.type = value;
        return true;
      case "level":
        this.level = value;
        return true;
      case "source":
        this.source = value;
        return true;
      case "message":
        this.message = value;
        return true;
      case "id":
        this.id = value;
        return true;
      default:
        return false;
    }
  }

  #forget(): void {
    this.timestamp = null;
    this.type = null;
    this.level = null;
    this.source = null;
    this.message = null;
    this.id = null;
    this.attributes = null;
  }

  /** Looks at each character once, however many lines ask. */
  #hasSpecial(start: number, end: number): boolean {
    if (this.#nextSpecial < start) {
      SPECIAL.lastIndex = start;
      this.#nextSpecial = SPECIAL.test(this.#text) ? SPECIAL.lastIndex - 1 : Number.POSITIVE_INFINITY;
    }
    return this.#nextSpecial < end;
  }
}
