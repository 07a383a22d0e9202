import { Fault, type FieldProblem } from "@millrace/core";
import type { ValidationError } from "elysia";

const PLACES: Readonly<Record<string, string>> = {
  body: "the body",
  query: "the query string",
  params: "the path",
  headers: "the headers",
};

/** What TypeBox tells about one place; the parts that are read here. */
interface SchemaError {
  readonly path?: string;
  readonly message?: string;
  readonly schema?: unknown;
}

/** Elysia's message repeats the whole input, passwords included, so it is never used. */
export function describeValidation(error: ValidationError): Fault {
  const place = PLACES[error.type] ?? "the input";
  const errors = problemsOf(error.all as readonly SchemaError[]);
  const first = errors[0];
  const detail =
    first === undefined
      ? `${place} breaks a rule`
      : `in ${place}: ${first.path || "the value"} ${first.message}`;
  return new Fault("VALIDATION_FAILED", detail, { errors });
}

/** The first problem of each place: that a field is missing makes every further rule about it moot. */
export function problemsOf(all: readonly SchemaError[]): readonly FieldProblem[] {
  const byPath = new Map<string, FieldProblem>();
  for (const { path = "", message = "", schema } of all)
    if (!byPath.has(path)) byPath.set(path, { path, message: describe(message, schema) });
  return [...byPath.values()];
}

function describe(message: string, schema: unknown): string {
  if (message === "Expected required property") return "is required";
  if (message === "Unexpected property") return "is not a known field";
  const expectation = expectationOf(schema);
  if (expectation !== undefined) return expectation;
  return (
    message.replace(/^Expected /, "must be ").replace(/^must be string length/, "must have a length") ||
    "is not valid"
  );
}

/** Says it in the schema's own words where it has some, and lists the choices of a union. */
function expectationOf(schema: unknown): string | undefined {
  if (typeof schema !== "object" || schema === null) return undefined;
  if ("error" in schema && typeof schema.error === "string") return schema.error;
  if (!("anyOf" in schema) || !Array.isArray(schema.anyOf)) return undefined;
  const choices = new Set(schema.anyOf.map(choiceOf).filter((choice) => choice !== undefined));
  return choices.size === 0 ? undefined : `must be ${[...choices].join(" or ")}`;
}

function choiceOf(schema: unknown): string | undefined {
  if (typeof schema !== "object" || schema === null) return undefined;
  if ("const" in schema) return JSON.stringify(schema.const);
  if ("format" in schema && (schema.format === "numeric" || schema.format === "integer")) return "a number";
  if ("format" in schema && schema.format === "boolean") return "true or false";
  return "type" in schema && typeof schema.type === "string"
    ? `a ${schema.type}`.replace(/^a (?=[aeio])/, "an ")
    : undefined;
}
