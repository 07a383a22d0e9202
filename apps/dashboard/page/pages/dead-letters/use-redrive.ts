import { useState } from "preact/hooks";
import { wordsOf } from "../../state/notices.ts";
import { sendJson } from "../../wire/api.ts";
import type { DeadLetter, RedriveAnswer } from "../../wire/shapes.ts";

/** The API takes as many at once. */
const AT_ONCE_MAX = 10_000;
const RATE_DEFAULT = 50;

export interface Redriving {
  readonly rate: number;
  readonly setRate: (rate: number) => void;
  readonly patch: string;
  readonly setPatch: (patch: string) => void;
  /** What went wrong last; empty when nothing did. */
  readonly mistake: string;
  /** Those that have not been brought back yet. */
  readonly left: readonly DeadLetter[];
  /** Null when it failed; `mistake` says why. */
  readonly redrive: (letters: readonly DeadLetter[]) => Promise<RedriveAnswer | null>;
}

export function useRedrive(
  letters: readonly DeadLetter[],
  onRedriven: (taskIds: readonly string[]) => void,
): Redriving {
  const [rate, setRate] = useState(RATE_DEFAULT);
  const [patch, setPatch] = useState("");
  const [mistake, setMistake] = useState("");
  const [gone, setGone] = useState<ReadonlySet<string>>(new Set());
  const redrive = async (chosen: readonly DeadLetter[]): Promise<RedriveAnswer | null> => {
    setMistake("");
    try {
      const answer = await sendJson<RedriveAnswer>("POST", "/api/dlq/redrive", {
        task_ids: chosen.slice(0, AT_ONCE_MAX).map(({ task_id: id }) => id),
        rate_per_second: rate,
        ...(patch.trim() !== "" && { payload_patch: JSON.parse(patch) }),
      });
      setGone((was) => new Set([...was, ...answer.task_ids]));
      onRedriven(answer.task_ids);
      const [skipped] = answer.skipped;
      if (skipped !== undefined) setMistake(`${answer.skipped.length} stay dead: ${skipped.reason}`);
      return answer;
    } catch (error) {
      setMistake(error instanceof SyntaxError ? `The patch is no JSON: ${error.message}` : wordsOf(error));
      return null;
    }
  };
  const left = letters.filter(({ task_id: id }) => !gone.has(id));
  return { rate, setRate, patch, setPatch, mistake, left, redrive };
}
