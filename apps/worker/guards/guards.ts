import type { AttemptOutcome } from "@millrace/core";
import { breakerName } from "@millrace/core";
import { hostVerdictOf } from "@millrace/core/breaker";
import type { Dispatch } from "@millrace/protocol";
import { fillPayload, type Sql } from "@millrace/store";
import type { RunEnd } from "../run-attempt.ts";
import type { CallEnd, CallPermit, HostBreakers } from "./host-breakers.ts";
import type { LimitAnswer, LimitGuard } from "./limit-guard.ts";
import { CALLING_TYPE, isOriginTemplated, originOf } from "./origin.ts";

export type Admission =
  /** May start. To be ended once: with how the attempt ended, or null when it did not start after all. */
  | { readonly kind: "pass"; end(end: RunEnd | null): { readonly isForgiven: boolean } }
  /** Parked for this name. */
  | { readonly kind: "held"; readonly heldBy: string };

/** What stands between a delivery and its start: the breaker of the host that it calls, and the limits. */
export interface Guards {
  /** False, at once: nothing holds it back, and nobody counts it. */
  concern(dispatch: Dispatch): boolean;
  /** At once when nobody needs to be asked. Rejects when the database does not answer. */
  admit(dispatch: Dispatch): Admission | Promise<Admission>;
}

export interface GuardsOptions {
  readonly sql: Sql;
  readonly breakers: Pick<HostBreakers, "ask">;
  readonly limits: Pick<LimitGuard, "isEmpty" | "ask">;
}

export function createGuards(options: GuardsOptions): Guards {
  const { limits } = options;
  return {
    concern: (dispatch) => dispatch.task_type === CALLING_TYPE || !limits.isEmpty,
    admit(dispatch) {
      if (dispatch.task_type === CALLING_TYPE) return admitCall(dispatch, options);
      const { task_type: taskType, tenant } = dispatch;
      const limit = limits.ask({ origin: null, taskType, tenant });
      const admitted = (answer: LimitAnswer): Admission => admissionOf(answer, FREE_CALL);
      return limit instanceof Promise ? limit.then(admitted) : admitted(limit);
    },
  };
}

async function admitCall(dispatch: Dispatch, options: GuardsOptions): Promise<Admission> {
  const { breakers, limits } = options;
  const origin = await hostOf(dispatch, options);
  const call = origin === null ? FREE_CALL : await breakers.ask(origin);
  if (call === null) return { kind: "held", heldBy: breakerName(origin ?? "") };
  const { task_type: taskType, tenant } = dispatch;
  try {
    return admissionOf(await limits.ask({ origin, taskType, tenant }), call);
  } catch (error) {
    call.end(NOT_CALLED);
    throw error;
  }
}

function admissionOf(limit: LimitAnswer, call: CallPermit): Admission {
  if (limit.kind === "held") {
    call.end(NOT_CALLED);
    return limit;
  }
  return {
    kind: "pass",
    end: (end) => {
      limit.end(end !== null);
      return { isForgiven: call.end(end === null ? NOT_CALLED : callEndOf(end)) };
    },
  };
}

/** The message keeps its templates, so the host may only be known once they are filled. What cannot be filled calls nobody. */
async function hostOf(dispatch: Dispatch, { sql }: GuardsOptions): Promise<string | null> {
  if (!isOriginTemplated(dispatch)) return originOf(dispatch, dispatch.payload);
  const filled = await fillPayload(sql, dispatch.seq, dispatch.payload);
  return filled.ok ? originOf(dispatch, filled.payload) : null;
}

const FREE_CALL: CallPermit = { end: () => false };
const NOT_CALLED: CallEnd = { verdict: "unknown", reason: "" };

function callEndOf(end: RunEnd): CallEnd {
  if (end.kind === "aborted") return NOT_CALLED;
  const verdict = hostVerdictOf(end satisfies AttemptOutcome);
  if (end.kind === "completed") return { verdict, reason: "" };
  const reason = end.error.code;
  return end.retryAfterMs === undefined
    ? { verdict, reason }
    : { verdict, reason, retryAfterMs: end.retryAfterMs };
}
