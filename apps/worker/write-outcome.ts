import { type AttemptOutcome, verdictFor } from "@millrace/core";
import { type Span, withinSpan } from "@millrace/observe";
import { backoffFromWords, type Dispatch } from "@millrace/protocol";
import { lastWord, type SettleAnswer, type Settlement } from "@millrace/store";
import { about } from "./about.ts";
import { SETTLING } from "./delivery-span.ts";
import type { WorkerPorts } from "./ports.ts";
import type { RunEnd } from "./run-attempt.ts";

/** `log`: the end of what it wrote, when it ran alone. */
export interface Ran {
  readonly end: RunEnd;
  readonly log?: string;
}

interface Attempted {
  readonly dispatch: Dispatch;
  readonly span?: Span | undefined;
}

export interface Written {
  readonly settlement: Settlement;
  readonly answer: SettleAnswer;
}

/** An outcome that the database refuses for what it says is a failure, counted as one: it would not end otherwise. */
export async function writeOutcome(
  { dispatch, span }: Attempted,
  { end, log }: Ran,
  ports: WorkerPorts,
): Promise<Written> {
  const settlement = { ...settlementOf(dispatch, end, ports), ...(log !== undefined && { log }) };
  const settled = (word: Settlement) =>
    withinSpan(span, SETTLING[word.kind], () => ports.attempts.settle(word));
  try {
    return { settlement, answer: await settled(settlement) };
  } catch (error) {
    ports.log.error("the database refused an outcome; the attempt counts as failed", {
      ...about(dispatch),
      error,
    });
    const message = "the database refused what the attempt ended with";
    const failed = {
      kind: "failed",
      error: { code: "OUTCOME_NOT_STORABLE", message },
      isRetryable: true,
    } as const;
    const instead = settlementOf(dispatch, failed, ports);
    return { settlement: instead, answer: await settled(instead) };
  }
}

function settlementOf(dispatch: Dispatch, end: RunEnd, ports: WorkerPorts): Settlement {
  return lastWord(wordOf(dispatch, end, ports));
}

function wordOf(dispatch: Dispatch, end: RunEnd, ports: WorkerPorts): Settlement {
  const { seq, attempt } = dispatch;
  if (end.kind === "aborted") return { seq, attempt, kind: "returned", delay_ms: 0 };
  const verdict = verdictFor({
    outcome: end satisfies AttemptOutcome,
    failures: dispatch.failures,
    maxAttempts: dispatch.max_attempts,
    backoff: backoffFromWords(dispatch.backoff),
    random: ports.random,
  });
  if (verdict.kind === "complete") return { seq, attempt, kind: "completed", result: verdict.result };
  const error = { error_code: verdict.error.code, error_message: verdict.error.message };
  if (verdict.kind === "bury") return { seq, attempt, kind: "dead", ...error };
  return { seq, attempt, kind: "failed", ...error, delay_ms: verdict.delayMs };
}
