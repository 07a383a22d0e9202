import { ack, type Delivery, giveBack } from "@millrace/bus";
import type { Dispatch } from "@millrace/protocol";
import { about } from "../about.ts";
import type { WorkerPorts } from "../ports.ts";
import type { RunEnd } from "../run-attempt.ts";
import type { Admission } from "./guards.ts";

const RETRY_MS = 1_000;

/** A task may start. To be handed back when it has ended, or could not start; any number of times, the first one counts. */
export interface Pass {
  /** What is to become of the attempt: a probe that failed is given back, since it was sent for others. */
  ended(end: RunEnd): RunEnd;
  unused(): void;
}

type GuardPorts = Pick<WorkerPorts, "bus" | "guards" | "holdings" | "log" | "metrics" | "tell">;

/**
 * Null: a guard holds the task back, and it is parked, without an attempt and without a message; or nobody could tell, and
 * the message comes again.
 */
export function passGuards(
  delivery: Delivery,
  dispatch: Dispatch,
  ports: GuardPorts,
): Pass | Promise<Pass | null> {
  if (!ports.guards.concern(dispatch)) return FREE_PASS;
  const admission = ports.guards.admit(dispatch);
  if (!(admission instanceof Promise) && admission.kind === "pass") return passOf(admission);
  return passOrHold({ delivery, dispatch, admission }, ports);
}

interface Asked {
  readonly delivery: Delivery;
  readonly dispatch: Dispatch;
  readonly admission: Admission | Promise<Admission>;
}

async function passOrHold(
  { delivery, dispatch, admission: asked }: Asked,
  ports: GuardPorts,
): Promise<Pass | null> {
  try {
    const admission = await asked;
    if (admission.kind === "pass") return passOf(admission);
    await hold({ delivery, dispatch, name: admission.heldBy }, ports);
  } catch (error) {
    ports.log.warning("the guards of a task could not be asked; its message comes again", {
      ...about(dispatch),
      error,
    });
    giveBack(ports.bus, delivery, RETRY_MS);
  }
  return null;
}

const FREE_PASS: Pass = { ended: (end) => end, unused: () => {} };

function passOf(admission: Extract<Admission, { kind: "pass" }>): Pass {
  let isEnded = false;
  const end = (how: RunEnd | null): boolean => {
    if (isEnded) return false;
    isEnded = true;
    return admission.end(how).isForgiven;
  };
  return {
    ended: (how) => (end(how) ? { kind: "aborted", why: "probe" } : how),
    unused: () => void end(null),
  };
}

interface Held {
  readonly delivery: Delivery;
  readonly dispatch: Dispatch;
  readonly name: string;
}

async function hold({ delivery, dispatch, name }: Held, ports: GuardPorts): Promise<void> {
  const answer = await ports.holdings.hold({ seq: dispatch.seq, attempt: dispatch.attempt, name });
  // Who runs it acknowledges; or is dead, and the message comes again.
  if (answer === "claimed") return;
  ack(ports.bus, delivery);
  if (answer === "held") ports.tell(dispatch, { status: "pending", phase: "parked" });
}
