import type { FieldProblem, Json } from "@millrace/core";

/** `{{tasks.<id>.result.path}}` stands for a parent's result, which does not exist yet when the task is submitted. */
const TEMPLATE = "{{tasks.";

/**
 * Drops the problems of values that are still templates. They are checked when the worker parses the payload again, with
 * the parents' results in place.
 */
export function withoutTemplates(
  payload: Json,
  problems: readonly FieldProblem[],
  known: readonly string[],
): readonly FieldProblem[] {
  return problems.filter(({ path }) => {
    const field = path.split("/")[2];
    // No result can turn a field that the type does not know into one that it knows.
    const isKnown = field === undefined || known.includes(field);
    return !(isKnown && endsInTemplate({ payload }, path));
  });
}

/** Follows the pointer from `root`; true when a template stands at its end or on the way. */
function endsInTemplate(root: Json, path: string): boolean {
  let value: Json | undefined = root;
  for (const step of path.split("/").slice(1)) {
    if (typeof value !== "object" || value === null) break;
    const name = step.replaceAll("~1", "/").replaceAll("~0", "~");
    value = Object.hasOwn(value, name) ? (value as { readonly [key: string]: Json })[name] : undefined;
  }
  return typeof value === "string" && value.includes(TEMPLATE);
}
