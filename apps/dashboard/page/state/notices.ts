import { signal } from "@preact/signals";
import { ApiFailure } from "../wire/problem.ts";

export interface Notice {
  readonly id: number;
  readonly kind: "done" | "failed";
  readonly text: string;
}

const SHOWN_MS = 6_000;
const NOTICES_MAX = 4;
let lastId = 0;

export const notices = signal<readonly Notice[]>([]);

/** Says shortly what became of an action; screen readers hear it, too. */
export function say(kind: Notice["kind"], text: string): void {
  lastId += 1;
  const notice = { id: lastId, kind, text };
  notices.value = [...notices.value, notice].slice(-NOTICES_MAX);
  setTimeout(() => dismiss(notice.id), SHOWN_MS);
}

export function dismiss(id: number): void {
  notices.value = notices.value.filter((notice) => notice.id !== id);
}

/** Does something and says what became of it. False: it failed. */
export async function carryOut(deed: () => Promise<unknown>, done: string): Promise<boolean> {
  try {
    await deed();
    say("done", done);
    return true;
  } catch (error) {
    sayFailure(error);
    return false;
  }
}

export function sayFailure(error: unknown): void {
  say("failed", wordsOf(error));
}

export function wordsOf(error: unknown): string {
  if (!(error instanceof ApiFailure)) return error instanceof Error ? error.message : String(error);
  const { errors } = error.problem;
  const [first] = errors;
  return first === undefined ? error.message : `${error.message} (${first.path} ${first.message})`;
}
