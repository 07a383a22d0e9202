import { isUtf8 } from "node:buffer";
import { PlainLines } from "@millrace/protocol/events/index";

const LINE_FEED = "\n";

/** The lines of a message's body. A line feed at the end ends the last line; it does not begin another one. */
export class Lines {
  readonly #body: Buffer;
  /** Where each line starts; at the end, where another one would. */
  readonly #starts: readonly number[];
  readonly #plain: PlainLines | undefined;

  constructor(body: Uint8Array) {
    this.#body = Buffer.from(body.buffer, body.byteOffset, body.length);
    const text = this.#body.toString("latin1"); // A place in it is a place in the bytes.
    this.#starts = startsOf(text);
    this.#plain = isUtf8(this.#body) ? new PlainLines(text) : undefined;
  }

  get count(): number {
    return this.#starts.length - 1;
  }

  /** The line's fields, if it is one of the usual form. Lines must be asked for in their order. */
  readPlain(line: number): PlainLines | undefined {
    return this.#plain?.read(this.#startOf(line), this.#startOf(line + 1) - 1) === true
      ? this.#plain
      : undefined;
  }

  textOf(line: number): string {
    return this.#body.toString("utf8", this.#startOf(line), this.#startOf(line + 1) - 1);
  }

  /** The bytes as they came: decoded text may have lost what was wrong with them. */
  bytesOf(line: number): Uint8Array {
    return this.#body.subarray(this.#startOf(line), this.#startOf(line + 1) - 1);
  }

  #startOf(line: number): number {
    return this.#starts[line] ?? this.#body.length + 1;
  }
}

function startsOf(text: string): readonly number[] {
  const starts: number[] = [];
  for (let start = 0; start < text.length; ) {
    starts.push(start);
    const end = text.indexOf(LINE_FEED, start);
    start = end === -1 ? text.length + 1 : end + 1;
    if (start >= text.length) {
      starts.push(start);
      break;
    }
  }
  return starts.length === 0 ? [0] : starts;
}
