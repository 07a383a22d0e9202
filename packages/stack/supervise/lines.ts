const LINE_CHARS_MAX = 64 * 1024;

/** Cuts output, which arrives in arbitrary pieces, into lines. A line without an end is cut at the bound. */
export class Lines {
  readonly #onLine: (line: string) => void;
  readonly #decoder = new TextDecoder();
  #rest = "";

  constructor(onLine: (line: string) => void) {
    this.#onLine = onLine;
  }

  add(chunk: Uint8Array): void {
    const lines = (this.#rest + this.#decoder.decode(chunk, { stream: true })).split("\n");
    this.#rest = (lines.pop() ?? "").slice(0, LINE_CHARS_MAX);
    for (const line of lines) this.#onLine(line.slice(0, LINE_CHARS_MAX));
  }
}
