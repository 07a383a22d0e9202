import type { Json } from "@millrace/core";
import { CSV_VALUE_CHARS_MAX } from "@millrace/core/limits";
import { DistinctCount } from "./distinct-count.ts";
import { type ValueType, valueType } from "./value-type.ts";

export type ColumnType = ValueType | "empty";

/** What is known of one column after some of its values. Keeps no values but the least and the greatest. */
export class ColumnProfile {
  readonly #counts: Record<ValueType, number> = {
    integer: 0,
    number: 0,
    boolean: 0,
    date: 0,
    timestamp: 0,
    text: 0,
  };
  readonly #distinct: DistinctCount;
  #empty = 0;
  #values = 0;
  #mean = 0;
  #least = Number.POSITIVE_INFINITY;
  #greatest = Number.NEGATIVE_INFINITY;
  #first: string | undefined;
  #last: string | undefined;

  constructor(distinctExactMax: number) {
    this.#distinct = new DistinctCount(distinctExactMax);
  }

  add(value: string): void {
    const type = valueType(value);
    if (type === "empty") {
      this.#empty += 1;
      return;
    }
    this.#counts[type] += 1;
    this.#values += 1;
    this.#distinct.add(value);
    if (type === "integer" || type === "number") this.#addNumber(Number(value));
    if (this.#first === undefined || value < this.#first) this.#first = value;
    if (this.#last === undefined || value > this.#last) this.#last = value;
  }

  /** The narrowest type that all values have: integers are numbers, dates are not timestamps. */
  get type(): ColumnType {
    if (this.#values === 0) return "empty";
    const { integer, number, boolean, date, timestamp } = this.#counts;
    if (integer === this.#values) return "integer";
    if (integer + number === this.#values) return "number";
    if (boolean === this.#values) return "boolean";
    if (date === this.#values) return "date";
    return timestamp === this.#values ? "timestamp" : "text";
  }

  describe(name: string): Json {
    const { type } = this;
    const isNumeric = type === "integer" || type === "number";
    return {
      name: shortened(name),
      type,
      nulls: this.#empty,
      distinct: this.#distinct.count,
      is_distinct_exact: this.#distinct.isExact,
      min: isNumeric ? this.#least : shortened(this.#first),
      max: isNumeric ? this.#greatest : shortened(this.#last),
      mean: isNumeric ? this.#mean : null,
    };
  }

  #addNumber(value: number): void {
    const numbers = this.#counts.integer + this.#counts.number;
    // The running mean stays exact to the last digits where a sum of millions of values would not.
    this.#mean += (value - this.#mean) / numbers;
    if (value < this.#least) this.#least = value;
    if (value > this.#greatest) this.#greatest = value;
  }
}

function shortened(value: string): string;
function shortened(value: string | undefined): string | null;
function shortened(value: string | undefined): string | null {
  if (value === undefined) return null;
  if (value.length <= CSV_VALUE_CHARS_MAX) return value;
  return `${value.slice(0, CSV_VALUE_CHARS_MAX).toWellFormed()}…`;
}
