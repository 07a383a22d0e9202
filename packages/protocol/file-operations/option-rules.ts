import type { FieldProblem, Json } from "@millrace/core";

/** What an option may be. One list of rules serves the check at upload, the parse in the worker and the API's docs. */
export type OptionRule =
  | {
      readonly kind: "integer";
      readonly min: number;
      readonly max: number;
      readonly default: number;
      readonly description: string;
    }
  | { readonly kind: "boolean"; readonly default: boolean; readonly description: string }
  | {
      readonly kind: "choice";
      readonly values: readonly string[];
      readonly default: string;
      readonly description: string;
    }
  /** A list without repetition; all of them by default. */
  | { readonly kind: "subset"; readonly values: readonly string[]; readonly description: string };

export type OptionRules = Readonly<Record<string, OptionRule>>;

type ValueOf<Rule extends OptionRule> = Rule extends { kind: "integer" }
  ? number
  : Rule extends { kind: "boolean" }
    ? boolean
    : Rule extends { kind: "choice"; values: readonly (infer Value)[] }
      ? Value
      : Rule extends { kind: "subset"; values: readonly (infer Value)[] }
        ? readonly Value[]
        : never;

/** The options that a set of rules describes, each present. */
export type OptionsOf<Rules extends OptionRules> = { readonly [Name in keyof Rules]: ValueOf<Rules[Name]> };

/** All problems of the options; empty when there are none. `undefined` stands for no options at all. */
export function checkOptions(rules: OptionRules, options: Json | undefined): readonly FieldProblem[] {
  const given = options ?? {};
  if (typeof given !== "object" || Array.isArray(given))
    return [{ path: "/options", message: "must be an object" }];
  const known = Object.keys(rules);
  const problems: FieldProblem[] = [];
  for (const [name, value] of Object.entries(given)) {
    const rule = Object.hasOwn(rules, name) ? rules[name] : undefined;
    const path = `/options/${name.slice(0, 64).replaceAll("~", "~0").replaceAll("/", "~1")}`;
    if (rule === undefined) {
      const list = known.length === 0 ? "it has none" : `known: ${known.join(", ")}`;
      problems.push({ path, message: `is not an option of this operation (${list})` });
    } else if (!fits(rule, value)) problems.push({ path, message: `must be ${wish(rule)}` });
  }
  return problems;
}

/** The options with their defaults filled in, or null when `checkOptions` would find a problem. */
export function parseOptions<const Rules extends OptionRules>(
  rules: Rules,
  options: Json | undefined,
): OptionsOf<Rules> | null {
  if (checkOptions(rules, options).length > 0) return null;
  const given = new Map(Object.entries(options ?? {}));
  const filled = Object.entries(rules).map(([name, rule]) => [name, given.get(name) ?? defaultOf(rule)]);
  // Each name of the rules is there, and checkOptions has looked at each value.
  return Object.fromEntries(filled) as OptionsOf<Rules>;
}

export function defaultOf(rule: OptionRule): Json {
  return rule.kind === "subset" ? rule.values : rule.default;
}

/** Null stands for the default, as if the option were absent. */
function fits(rule: OptionRule, value: Json): boolean {
  if (value === null) return true;
  switch (rule.kind) {
    case "integer":
      return typeof value === "number" && Number.isInteger(value) && value >= rule.min && value <= rule.max;
    case "boolean":
      return typeof value === "boolean";
    case "choice":
      return typeof value === "string" && rule.values.includes(value);
    case "subset":
      return Array.isArray(value) && isSubset(value, rule.values);
  }
}

function isSubset(list: readonly Json[], values: readonly string[]): boolean {
  const isEach = list.every((value) => typeof value === "string" && values.includes(value));
  return list.length > 0 && isEach && new Set(list).size === list.length;
}

function wish(rule: OptionRule): string {
  switch (rule.kind) {
    case "integer":
      return `a whole number from ${rule.min} to ${rule.max}`;
    case "boolean":
      return "true or false";
    case "choice":
      return `one of ${quoted(rule.values)}`;
    case "subset":
      return `a list, without repetition, of some of ${quoted(rule.values)}`;
  }
}

function quoted(values: readonly string[]): string {
  return values.map((value) => JSON.stringify(value)).join(", ");
}
