import type { Json } from "@millrace/core";
import { CSV_COLUMNS_LISTED_MAX, CSV_COLUMNS_MAX, CSV_DISTINCT_EXACT_MAX } from "@millrace/core/limits";
import { inputInvalid } from "../operation.ts";
import { ColumnProfile } from "./column-profile.ts";

const DISTINCT_EXACT_PER_COLUMN_MAX = 20_000;

/** What is known of a table after some of its records. */
export class TableProfile {
  readonly #hasHeader: boolean;
  #names: readonly string[] = [];
  #columns: readonly ColumnProfile[] = [];
  #rows = 0;
  #raggedRows = 0;
  #isStarted = false;

  constructor(hasHeader: boolean) {
    this.#hasHeader = hasHeader;
  }

  add(fields: readonly string[], line: number): void {
    if (!this.#isStarted) {
      this.#start(fields, line);
      if (this.#hasHeader) return;
    }
    this.#rows += 1;
    if (fields.length !== this.#columns.length) this.#raggedRows += 1;
    for (const [index, column] of this.#columns.entries()) column.add(fields[index] ?? "");
  }

  /** All columns; in short, the first ones, so that the task's result stays small. */
  describe(isShort: boolean): { readonly [key: string]: Json } {
    const listed = isShort ? this.#columns.slice(0, CSV_COLUMNS_LISTED_MAX) : this.#columns;
    return {
      rows: this.#rows,
      ragged_rows: this.#raggedRows,
      column_count: this.#columns.length,
      columns: listed.map((column, index) => column.describe(this.#names[index] ?? "")),
    };
  }

  #start(fields: readonly string[], line: number): void {
    if (fields.length > CSV_COLUMNS_MAX)
      throw inputInvalid(`line ${line} has ${fields.length} fields; at most ${CSV_COLUMNS_MAX} are profiled`);
    const perColumn = Math.floor(CSV_DISTINCT_EXACT_MAX / fields.length);
    const exactMax = Math.min(DISTINCT_EXACT_PER_COLUMN_MAX, perColumn);
    this.#columns = fields.map(() => new ColumnProfile(exactMax));
    this.#names = fields.map((name, index) => {
      const given = this.#hasHeader ? name.trim() : "";
      return given === "" ? `column_${index + 1}` : given;
    });
    this.#isStarted = true;
  }
}
