import { Fault, type FieldProblem } from "@millrace/core";

const PLACES: Readonly<Record<string, string>> = {
  body: "the body",
  query: "the query string",
  params: "the path",
  headers: "the headers",
};

/** What is read of Elysia's ValidationError. Its message repeats the whole input, passwords included: never use it. */
export interface Refusal {
  /** `body`, `query`, `params`, `headers`; `property` when a coerced parameter is out of range. */
  readonly type: string;
  readonly value: unknown;
  readonly all: readonly SchemaError[];
}

interface SchemaError {
  readonly path?: string;
  readonly message?: string;
  readonly schema?: unknown;
}

/** @param url of the request, to find the name of a parameter that Elysia does not tell. */
export function describeValidation(refusal: Refusal, url?: string): Fault {
  const lost = refusal.type === "property" ? nameOfParameter(refusal.value, url) : undefined;
  const place = lost === undefined ? (PLACES[refusal.type] ?? "the input") : "the query string";
  const errors = problemsOf(refusal.all, lost ?? "");
  const first = errors[0];
  const detail =
    first === undefined
      ? `${place} breaks a rule`
      : `in ${place}: ${first.path || "the value"} ${first.message}`;
  return new Fault("VALIDATION_FAILED", detail, { errors });
}

/** The only parameter of the query that has this value, as a JSON pointer. */
function nameOfParameter(value: unknown, url: string | undefined): string | undefined {
  if (url === undefined) return undefined;
  const names = [...new URL(url).searchParams]
    .filter(([, text]) => text === value || Number(text) === value)
    .map(([name]) => name);
  return new Set(names).size === 1 ? `/${names[0]}` : undefined;
}

/**
 * The first problem of each place: that a field is missing makes every further rule about it moot.
 * @param base pointer that stands before each path.
 */
export function problemsOf(all: readonly SchemaError[], base = ""): readonly FieldProblem[] {
  const byPath = new Map<string, FieldProblem>();
  for (const { path = "", message = "", schema } of all)
    if (!byPath.has(path)) byPath.set(path, { path: base + path, message: describe(message, schema) });
  return [...byPath.values()];
}

/** TypeBox's words, made into what a field "must". */
const WORDS: readonly (readonly [RegExp, string])[] = [
  [/^Expected required property$/, "is required"],
  [/^Unexpected property$/, "is not a known field"],
  [/^Expected string length (.*)$/, "must have a length $1"],
  [/^Expected array length to be (.*)$/, "must have a number of items $1"],
  [/^Expected (?:number|integer) to be (.*)$/, "must be $1"],
  [/^Expected string to match '(.*)' format$/, "must have the format $1"],
  [/^Expected string to match '(.*)'$/, "must match $1"],
  [/^Expected (array|integer|object)$/, "must be an $1"],
  [/^Expected (string|number|boolean)$/, "must be a $1"],
  [/^Expected (.*)$/, "must be $1"],
];

function describe(message: string, schema: unknown): string {
  const expectation = expectationOf(schema);
  if (expectation !== undefined && !/property$/.test(message)) return expectation;
  const [pattern, words] = WORDS.find(([known]) => known.test(message)) ?? [];
  return pattern === undefined || words === undefined ? "is not valid" : message.replace(pattern, words);
}

/** Says it in the schema's own words where it has some (`error`), and lists the choices of a union. */
function expectationOf(schema: unknown): string | undefined {
  if (typeof schema !== "object" || schema === null) return undefined;
  if ("error" in schema && typeof schema.error === "string") return schema.error;
  if (!("anyOf" in schema) || !Array.isArray(schema.anyOf)) return undefined;
  const choices = new Set(schema.anyOf.map(choiceOf).filter((choice) => choice !== undefined));
  return choices.size === 0 ? undefined : `must be ${[...choices].join(" or ")}`;
}

const CHOICES: Readonly<Record<string, string>> = {
  numeric: "a number",
  integer: "an integer",
  boolean: "true or false",
  number: "a number",
  string: "a string",
  array: "an array",
  object: "an object",
  null: "null",
};

function choiceOf(schema: unknown): string | undefined {
  if (typeof schema !== "object" || schema === null) return undefined;
  if ("const" in schema) return JSON.stringify(schema.const);
  const kind = "format" in schema ? schema.format : "type" in schema ? schema.type : undefined;
  return typeof kind === "string" ? (CHOICES[kind] ?? `a ${kind}`) : undefined;
}
