/** The terminal, or the file, that the demo writes to. */
export interface BoardOutput {
  readonly write: (text: string) => void;
  /** Columns of the terminal; undefined: it is none, and nothing is redrawn. */
  readonly columns: number | undefined;
  readonly nowMs: () => number;
}

/** Without a terminal, progress becomes a line at most this often. */
const LINE_EVERY_MS = 1_000;
const ERASE_LINE = "\r\x1b[2K";

/** Lines that stay, and one line at the end that is redrawn while something is under way. */
export class Board {
  readonly #output: BoardOutput;
  #drawn = "";
  #lastMs = Number.NEGATIVE_INFINITY;

  constructor(output: BoardOutput) {
    this.#output = output;
  }

  /** A line that stays. */
  line(text = ""): void {
    this.erase();
    this.#output.write(`${text}\n`);
  }

  /** How it goes. On a terminal it takes the place of the last progress; elsewhere it is a line now and then. */
  progress(text: string): void {
    const { columns, write, nowMs } = this.#output;
    if (text === this.#drawn) return;
    if (columns === undefined) {
      if (nowMs() - this.#lastMs < LINE_EVERY_MS) return;
      this.#lastMs = nowMs();
      this.#drawn = text;
      write(`  ${text}\n`);
      return;
    }
    // A line that wraps could not be erased.
    const line = `  ${text}`.slice(0, Math.max(1, columns - 1));
    write(`${ERASE_LINE}${line}`);
    this.#drawn = text;
  }

  /** The last progress of something: it stays. */
  settled(text: string): void {
    this.line(`  ${text}`);
    this.#lastMs = Number.NEGATIVE_INFINITY;
  }

  /** The last progress is over, and worth no line. */
  erase(): void {
    if (this.#drawn !== "" && this.#output.columns !== undefined) this.#output.write(ERASE_LINE);
    this.#drawn = "";
  }
}
