import type { DeadLetter } from "../../wire/shapes.ts";

export interface LetterGroup {
  readonly key: string;
  readonly code: string;
  /** What the messages have in common: numbers and ids are left out. */
  readonly message: string;
  readonly taskTypes: readonly string[];
  readonly letters: readonly DeadLetter[];
  readonly newest: string;
}

/** By error and by message, without what differs from task to task; the largest group first. */
export function groupLetters(letters: readonly DeadLetter[]): readonly LetterGroup[] {
  const groups = new Map<string, DeadLetter[]>();
  for (const letter of letters) {
    const key = `${letter.error.code}\0${patternOf(letter.error.message)}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [letter]);
    else group.push(letter);
  }
  return [...groups].map(groupOf).sort((a, b) => b.letters.length - a.letters.length);
}

function groupOf([key, letters]: readonly [string, readonly DeadLetter[]]): LetterGroup {
  const [code = "", message = ""] = key.split("\0");
  const newest =
    letters
      .map((letter) => letter.died_at)
      .sort()
      .at(-1) ?? "";
  return {
    key,
    code,
    message,
    taskTypes: [...new Set(letters.map((letter) => letter.task_type))],
    letters,
    newest,
  };
}

/** "attempt 3 of 5 on 01ab…" → "attempt # of # on …": what has digits in it is no part of the kind of an error. */
export function patternOf(message: string): string {
  return message
    .replace(/\b[0-9a-f]{8}-[0-9a-f-]{20,}\b/gi, "…")
    .replace(/\b[0-9a-f]{12,}\b/gi, "…")
    .replace(/\d+(\.\d+)?/g, "#");
}
