import type { FieldProblem, Json } from "@millrace/core";

export type Parsed<Value> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly errors: readonly FieldProblem[] };

export type JsonObject = { readonly [key: string]: Json };

/** A JSON pointer below the payload: `pointer("headers", "a/b")` is `/payload/headers/a~1b`. */
export function pointer(...steps: readonly (string | number)[]): string {
  const escaped = steps.map((step) => String(step).replaceAll("~", "~0").replaceAll("/", "~1"));
  return ["/payload", ...escaped].join("/");
}

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** One problem per field that the type does not know: a misspelt field must not be silently without effect. */
export function unknownFields(payload: JsonObject, known: readonly string[]): FieldProblem[] {
  return Object.keys(payload)
    .filter((name) => !known.includes(name))
    .map((name) => ({
      path: pointer(name),
      message: `is not a field of this task type (known: ${known.join(", ")})`,
    }));
}

/** Collects problems while a payload is read field by field, so that all are reported together. */
export class Problems {
  readonly list: FieldProblem[] = [];

  /** Notes the problem and returns undefined, so that a reader can end with it. */
  add(path: string, message: string): undefined {
    this.list.push({ path, message });
    return undefined;
  }
}

/** An integer or fraction within both bounds, `fallback` when absent; anything else is a problem. */
export function readNumber(
  payload: JsonObject,
  rule: { name: string; min: number; max: number; fallback: number; isInteger: boolean },
  problems: Problems,
): number {
  const given = payload[rule.name] ?? rule.fallback;
  const isFine =
    typeof given === "number" &&
    given >= rule.min &&
    given <= rule.max &&
    (!rule.isInteger || Number.isInteger(given));
  if (isFine) return given;
  const kind = rule.isInteger ? "a whole number" : "a number";
  problems.add(pointer(rule.name), `must be ${kind} from ${rule.min} to ${rule.max}`);
  return rule.fallback;
}
