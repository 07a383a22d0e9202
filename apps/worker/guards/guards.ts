import type { AttemptOutcome } from "@millrace/core";
import { breakerName } from "@millrace/core";
import { hostVerdictOf } from "@millrace/core/breaker";
import type { Dispatch } from "@millrace/protocol";
import { fillPayload, type Sql } from "@millrace/store";
import type { RunEnd } from "../run-attempt.ts";
import type { CallEnd, CallPermit, HostBreakers } from "./host-breakers.ts";
import type { LimitGuard } from "./limit-guard.ts";
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
  /** Rejects when the database does not answer. */
  admit(dispatch: Dispatch): Promise<Admission>;
}

export interface GuardsOptions {
  readonly sql: Sql;
  readonly breakers: Pick<HostBreakers, "ask">;
  readonly limits: Pick<LimitGuard, "isEmpty" | "ask">;
}

export function createGuards(options: GuardsOptions): Guards {
  const { breakers, limits } = options;
  return {
    concern: (dispatch) => dispatch.task_type === CALLING_TYPE || !limits.isEmpty,
    async admit(dispatch) {
      const origin = await hostOf(dispatch, options);
      const call = origin === null ? FREE_CALL : await breakers.ask(origin);
      if (call === null) return { kind: "held", heldBy: breakerName(origin ?? "") };
      const { task_type: taskType, tenant } = dispatch;
      const limit = limits.isEmpty ? null : await asked(limits.ask({ origin, taskType, tenant }), call);
      if (limit?.kind === "held") {
        call.end(NOT_CALLED);
        return limit;
      }
      return {
        kind: "pass",
        end: (end) => {
          limit?.end(end !== null);
          return { isForgiven: call.end(end === null ? NOT_CALLED : callEndOf(end)) };
        },
      };
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

async function asked<T>(asking: Promise<T>, call: CallPermit): Promise<T> {
  try {
    return await asking;
  } catch (error) {
    call.end(NOT_CALLED);
    throw error;
  }
}

function callEndOf(end: RunEnd): CallEnd {
  if (end.kind === "aborted") return NOT_CALLED;
  const verdict = hostVerdictOf(end satisfies AttemptOutcome);
  if (end.kind === "completed") return { verdict, reason: "" };
  const reason = end.error.code;
  return end.retryAfterMs === undefined
    ? { verdict, reason }
    : { verdict, reason, retryAfterMs: end.retryAfterMs };
}
