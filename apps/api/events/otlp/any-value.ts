import { EVENT_DEPTH_MAX } from "@millrace/core/limits";

type Fields = Readonly<Record<string, unknown>>;

/** A value that nests deeper than a record may: its record is refused. */
export class TooDeep extends Error {}

/** An OTLP AnyValue, decoded from protobuf or JSON, as the JSON value that it stands for. Throws TooDeep. */
export function plainValue(any: unknown, depth = 1): unknown {
  if (depth > EVENT_DEPTH_MAX) throw new TooDeep();
  if (!isFields(any)) return null;
  if (any.stringValue !== undefined) return any.stringValue;
  if (any.boolValue !== undefined) return any.boolValue;
  if (any.intValue !== undefined) return integerOf(any.intValue);
  if (any.doubleValue !== undefined) return doubleOf(any.doubleValue);
  if (isFields(any.arrayValue)) return listOf(any.arrayValue.values).map((one) => plainValue(one, depth + 1));
  if (isFields(any.kvlistValue)) return attributesOf(any.kvlistValue.values, depth + 1);
  if (any.bytesValue !== undefined) return bytesOf(any.bytesValue);
  return null;
}

/** A list of KeyValue as an object; of a key that comes twice, the last one counts. Throws TooDeep. */
export function attributesOf(pairs: unknown, depth = 1): Fields {
  if (depth > EVENT_DEPTH_MAX) throw new TooDeep();
  // Not by assignment: a key may be called __proto__.
  return Object.fromEntries(
    listOf(pairs)
      .filter(isFields)
      .map(({ key, value }) => [String(key ?? ""), plainValue(value, depth + 1)]),
  );
}

/** 64 bits as text where a number would be rounded. */
function integerOf(value: unknown): unknown {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : String(value);
}

function doubleOf(value: unknown): unknown {
  const number = Number(value);
  return Number.isFinite(number) ? number : String(value);
}

/** Base64, as in OTLP's JSON. */
function bytesOf(value: unknown): unknown {
  return value instanceof Uint8Array ? Buffer.from(value).toString("base64") : String(value);
}

export function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
