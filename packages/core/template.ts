import type { FieldProblem } from "./fault.ts";
import type { Json, TaskError } from "./task.ts";

/**
 * `{{tasks.<id>.result.path}}` in a text of a payload stands for a part of a parent's result. A text that is nothing but a
 * template becomes the value itself; in the midst of a text it becomes the value's text (its JSON, if it is no text).
 * A path is keys of objects and positions in lists (from 0), parted by dots; no path is the whole result. Ids may hold
 * dots, so the longest id among the dependencies is meant. A parent that has not completed, which only a task with
 * on_parent_failure "run" can have, stands for null, whatever the path.
 */
const TEMPLATE = /\{\{tasks\.([^{}]{1,1024})\}\}/g;
const MARK = "{{tasks.";
const RESULT = ".result";
const POSITION = /^(0|[1-9][0-9]{0,8})$/;
const PROBLEMS_MAX = 20;

/** What a parent left. */
export interface ParentResult {
  readonly isCompleted: boolean;
  readonly result: Json;
}

interface Reference {
  readonly id: string;
  readonly path: readonly string[];
}

export function hasTemplates(payload: Json): boolean {
  if (typeof payload === "string") return payload.includes(MARK) && payload.search(TEMPLATE) !== -1;
  if (typeof payload !== "object" || payload === null) return false;
  return Object.values(payload).some(hasTemplates);
}

/** Templates that name no dependency, each with the place where it stands. The first few of them. */
export function templateProblems(payload: Json, dependencies: ReadonlySet<string>): readonly FieldProblem[] {
  const problems: FieldProblem[] = [];
  visitTexts(payload, "/payload", (text, path) => {
    if (!text.includes(MARK)) return;
    for (const [whole, inner = ""] of text.matchAll(TEMPLATE)) {
      if (problems.length >= PROBLEMS_MAX) return;
      if (readReference(inner, dependencies) === null)
        problems.push({ path, message: `${whole} ${problemOf(inner)}` });
    }
  });
  return problems;
}

function problemOf(inner: string): string {
  const end = inner.search(/\.result(\.|$)/);
  return end === -1
    ? "is no template: write {{tasks.<id>.result}} or {{tasks.<id>.result.path}}"
    : `names the task ${inner.slice(0, end)}, which is not among the dependencies`;
}

/** The parents whose results are wanted. */
export function templateParents(payload: Json, dependencies: ReadonlySet<string>): ReadonlySet<string> {
  const parents = new Set<string>();
  visitTexts(payload, "/payload", (text) => {
    if (!text.includes(MARK)) return;
    for (const [, inner = ""] of text.matchAll(TEMPLATE)) {
      const reference = readReference(inner, dependencies);
      if (reference !== null) parents.add(reference.id);
    }
  });
  return parents;
}

export interface Filling {
  readonly dependencies: ReadonlySet<string>;
  /** Undefined: nothing is known of it any more. */
  readonly resultOf: (id: string) => ParentResult | undefined;
  /** Characters of JSON that the results may bring, all together. */
  readonly charsMax: number;
}

export type Filled =
  | { readonly ok: true; readonly payload: Json }
  | { readonly ok: false; readonly error: TaskError };

/** The payload with the parents' results in place of their templates. */
export function fillTemplates(payload: Json, filling: Filling): Filled {
  try {
    return { ok: true, payload: new Filler(filling).fill(payload, "/payload") };
  } catch (error) {
    if (error instanceof Unfillable) return { ok: false, error: error.taskError };
    throw error;
  }
}

/** Ends the walk through the payload; never leaves this file. */
class Unfillable extends Error {
  readonly taskError: TaskError;

  constructor(code: string, message: string) {
    super(message);
    this.taskError = { code, message };
  }
}

interface Value {
  readonly json: Json;
  readonly text: string;
}

class Filler {
  readonly #filling: Filling;
  /** A template that stands in many places is looked up, and measured, once. */
  readonly #values = new Map<string, Value | null>();
  #chars = 0;

  constructor(filling: Filling) {
    this.#filling = filling;
  }

  fill(value: Json, path: string): Json {
    if (typeof value === "string") return value.includes(MARK) ? this.#fillText(value, path) : value;
    if (typeof value !== "object" || value === null) return value;
    if (Array.isArray(value)) return value.map((item: Json, index) => this.fill(item, `${path}/${index}`));
    return Object.fromEntries(
      Object.entries(value).map(([name, item]) => [name, this.fill(item, `${path}/${escaped(name)}`)]),
    );
  }

  #fillText(text: string, path: string): Json {
    const [match] = text.matchAll(TEMPLATE);
    if (match !== undefined && match[0] === text) {
      const whole = this.#valueOf(match[1] ?? "", path);
      return whole === null ? text : whole.json;
    }
    return text.replaceAll(TEMPLATE, (template, inner: string) => {
      const value = this.#valueOf(inner, path);
      if (value === null) return template;
      return typeof value.json === "string" ? value.json : value.text;
    });
  }

  /** Null when it is no template after all; those are refused at submission, so it must be meant as it stands. */
  #valueOf(inner: string, path: string): Value | null {
    let value = this.#values.get(inner);
    if (value === undefined) {
      value = this.#lookUp(inner, path);
      this.#values.set(inner, value);
    }
    this.#chars += value?.text.length ?? 0;
    if (this.#chars > this.#filling.charsMax)
      throw new Unfillable(
        "TEMPLATE_TOO_LARGE",
        `the parents' results make the payload longer than ${this.#filling.charsMax} characters; pass a file's id instead`,
      );
    return value;
  }

  #lookUp(inner: string, path: string): Value | null {
    const { dependencies, resultOf } = this.#filling;
    const reference = readReference(inner, dependencies);
    if (reference === null) return null;
    const parent = resultOf(reference.id);
    if (parent === undefined)
      throw new Unfillable(
        "TEMPLATE_PARENT_GONE",
        `${path}: the task ${reference.id} is not kept any more, and its result with it`,
      );
    const json = parent.isCompleted ? follow(parent.result, reference.path) : null;
    if (json === undefined)
      throw new Unfillable(
        "TEMPLATE_PATH_MISSING",
        `${path}: the result of ${reference.id} has no ${reference.path.join(".")}`,
      );
    return { json, text: JSON.stringify(json) };
  }
}

function readReference(inner: string, dependencies: ReadonlySet<string>): Reference | null {
  for (let at = inner.lastIndexOf(RESULT); at > 0; at = inner.lastIndexOf(RESULT, at - 1)) {
    const rest = inner.slice(at + RESULT.length);
    if (rest !== "" && !rest.startsWith(".")) continue;
    const id = inner.slice(0, at);
    if (dependencies.has(id)) return { id, path: rest === "" ? [] : rest.slice(1).split(".") };
  }
  return null;
}

function follow(result: Json, path: readonly string[]): Json | undefined {
  let value: Json | undefined = result;
  for (const step of path) {
    if (typeof value !== "object" || value === null) return undefined;
    if (Array.isArray(value))
      value = POSITION.test(step) ? (value as readonly Json[])[Number(step)] : undefined;
    else value = Object.hasOwn(value, step) ? (value as { readonly [key: string]: Json })[step] : undefined;
  }
  return value;
}

function visitTexts(value: Json, path: string, visit: (text: string, path: string) => void): void {
  if (typeof value === "string") visit(value, path);
  else if (typeof value === "object" && value !== null)
    for (const [name, item] of Object.entries(value)) visitTexts(item, `${path}/${escaped(name)}`, visit);
}

/** RFC 6901. */
function escaped(name: string): string {
  return name.replaceAll("~", "~0").replaceAll("/", "~1");
}
