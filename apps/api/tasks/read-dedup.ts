import type { FieldProblem } from "@millrace/core";
import { DEBOUNCE_WAIT_S_MAX, DEBOUNCE_WAITS_DEFAULT } from "@millrace/core/limits";
import type { DedupWords } from "@millrace/protocol";
import type { TaskWish } from "./task-wish.ts";

/** The key that a wish names, with its defaults; undefined when it names none. What is wrong goes into `errors`. */
export function readDedup(wish: TaskWish, errors: FieldProblem[]): DedupWords | undefined {
  const { dedup, debounce } = wish;
  const field = dedup !== undefined ? "dedup" : debounce !== undefined ? "debounce" : null;
  if (field === null) return undefined;
  if ((wish.dependencies ?? []).length > 0)
    errors.push({ path: `/${field}`, message: "must not stand beside dependencies: whose would count?" });
  if (dedup !== undefined && debounce !== undefined)
    errors.push({ path: "/debounce", message: "must not stand beside dedup" });
  if (debounce !== undefined) return readDebounce(debounce, wish, errors);
  if (dedup === undefined) return undefined;
  return { kind: "dedup", key: dedup.key, window_s: dedup.window_seconds ?? null };
}

function readDebounce(
  debounce: NonNullable<TaskWish["debounce"]>,
  wish: TaskWish,
  errors: FieldProblem[],
): DedupWords {
  for (const other of ["run_at", "delay", "ttl"] as const)
    if (wish[other] !== undefined)
      errors.push({
        path: `/${other}`,
        message: "must not stand beside debounce, which says when it starts",
      });
  const { key, seconds } = debounce;
  const maxWaitS =
    debounce.max_wait_seconds ?? Math.min(seconds * DEBOUNCE_WAITS_DEFAULT, DEBOUNCE_WAIT_S_MAX);
  if (maxWaitS < seconds)
    errors.push({ path: "/debounce/max_wait_seconds", message: "must not be less than seconds" });
  return { kind: "debounce", key, seconds, max_wait_s: maxWaitS };
}

/** The same as a client reads it. */
export function viewDedup(words: DedupWords | null | undefined) {
  return {
    dedup: words?.kind === "dedup" ? { key: words.key, window_seconds: words.window_s } : null,
    debounce:
      words?.kind === "debounce"
        ? { key: words.key, seconds: words.seconds, max_wait_seconds: words.max_wait_s }
        : null,
  };
}
