export type ValueType = "integer" | "number" | "boolean" | "date" | "timestamp" | "text";

/** A leading zero marks a code (postal, account), not a number; more than 15 digits no longer fit into one. */
const INTEGER = /^[+-]?(?:0|[1-9]\d{0,14})$/;
const NUMBER = /^[+-]?(?:(?:0|[1-9]\d*)(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3})?$/;
const BOOLEAN = /^(?:true|false)$/i;
const DATE = /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])$/;
const TIMESTAMP =
  /^(\d{4}-\d\d-\d\d)[T ](?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:[.,]\d+)?)?(?:Z|[+-]\d\d(?::?\d\d)?)?$/i;
const INTEGER_CHARS_MAX = 16;
const NUMBER_CHARS_MAX = 40;

/** What a field looks like by itself. White space alone is empty; the decimal sign is a point. */
export function valueType(value: string): ValueType | "empty" {
  const first = value.charCodeAt(0);
  if (Number.isNaN(first)) return "empty";
  // Most text begins with a letter: one look instead of five patterns.
  const isNumberLike = first >= 0x2b && first <= 0x39;
  if (!isNumberLike) {
    if (value.length <= 5 && BOOLEAN.test(value)) return "boolean";
    return first <= 0x20 && value.trim() === "" ? "empty" : "text";
  }
  if (value.length <= INTEGER_CHARS_MAX && INTEGER.test(value)) return "integer";
  if (value.length > NUMBER_CHARS_MAX) return "text";
  if (DATE.test(value)) return "date";
  const timestamp = TIMESTAMP.exec(value);
  if (timestamp !== null) return DATE.test(timestamp[1] ?? "") ? "timestamp" : "text";
  return NUMBER.test(value) && Number.isFinite(Number(value)) && !isLongInteger(value) ? "number" : "text";
}

function isLongInteger(value: string): boolean {
  return /^[+-]?\d{16,}$/.test(value);
}
