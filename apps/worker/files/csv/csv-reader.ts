import { finished } from "node:stream/promises";
import { CSV_RECORD_CHARS_MAX } from "@millrace/core/limits";
import { CsvError, Parser } from "csv-parse";
import { inputInvalid } from "../operation.ts";

export interface CsvReaderOptions {
  readonly delimiter: string;
  /** Records may differ in their number of fields. */
  readonly isRagged: boolean;
  /** `line` is the one on which the record ends, from 1. What it throws ends the reading. */
  readonly onRecord: (fields: readonly string[], line: number) => void;
}

/** Takes UTF-8, gives records. A file that breaks the rules of RFC 4180 fails with the line on which it does. */
export class CsvReader {
  readonly #parser: Parser;
  readonly #end: Promise<void>;

  constructor({ delimiter, isRagged, onRecord }: CsvReaderOptions) {
    this.#parser = new Parser({
      delimiter,
      relax_column_count: isRagged,
      skip_empty_lines: true,
      max_record_size: CSV_RECORD_CHARS_MAX,
      // Records end here: as objects in a stream they would take twice as long.
      on_record: (fields: readonly string[], { lines }) => {
        onRecord(fields, lines);
        return null;
      },
    });
    this.#end = finished(this.#parser.resume());
    this.#end.catch(() => {}); // Whoever writes or ends hears of it.
  }

  /** Resolves when the records in it have been given. */
  write(text: Uint8Array): Promise<void> {
    const bytes = Buffer.from(text.buffer, text.byteOffset, text.byteLength);
    return new Promise((resolve, reject) =>
      this.#parser.write(bytes, (error) => (error ? reject(readable(error)) : resolve())),
    );
  }

  async end(): Promise<void> {
    this.#parser.end();
    try {
      await this.#end;
    } catch (error) {
      throw readable(error);
    }
  }

  /** For who has seen enough. */
  abandon(): void {
    this.#parser.destroy();
  }
}

function readable(error: unknown): unknown {
  if (!(error instanceof CsvError)) return error;
  const { lines } = error;
  const hasLine = /\bline \d+/.test(error.message) || typeof lines !== "number";
  return inputInvalid(`not CSV: ${error.message}${hasLine ? "" : ` (line ${lines})`}`);
}
