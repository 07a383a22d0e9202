import type { Dispatch } from "@millrace/protocol";

/** The task type that calls hosts. */
export const CALLING_TYPE = "http.request";

/** The host that a task will call: scheme, name and port. Null when it calls none, or says so only when it runs. */
export function originOf(
  { task_type: taskType }: Pick<Dispatch, "task_type">,
  payload: unknown,
): string | null {
  if (taskType !== CALLING_TYPE || typeof payload !== "object" || payload === null) return null;
  const { url } = payload as { readonly url?: unknown };
  if (typeof url !== "string" || !URL.canParse(url)) return null;
  const { origin, protocol } = new URL(url);
  return protocol === "http:" || protocol === "https:" ? origin : null;
}

/** The host stands in a parent's result. */
export function isOriginTemplated({
  has_templates,
  payload,
}: Pick<Dispatch, "has_templates" | "payload">): boolean {
  if (has_templates !== true || typeof payload !== "object" || payload === null) return false;
  const { url } = payload as { readonly url?: unknown };
  return typeof url === "string" && url.includes("{{");
}
