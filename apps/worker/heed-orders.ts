import { answerForOrders, type Bus, type PauseBoard } from "@millrace/bus";
import type { Guarding } from "./guards/start-guards.ts";
import type { Starts } from "./starts.ts";

export interface HeedingOptions {
  readonly bus: Bus;
  readonly session: string;
  readonly pauses: Pick<PauseBoard, "refresh">;
  readonly guarding: Pick<Guarding, "rereadLimits">;
  readonly starts: Pick<Starts, "settled">;
}

export interface Heeding {
  /** Nothing starts here any more: there is nothing to read. */
  leave(): void;
  stop(): void;
}

/**
 * Says that this worker goes by an order, once it knows of it and what was let through before has started. Asked for
 * before the first heartbeat: from there on, whoever orders something waits for the answer.
 */
export function heedOrders({ bus, session, pauses, guarding, starts }: HeedingOptions): Heeding {
  let isLeaving = false;
  const stop = answerForOrders(bus, session, async (kind) => {
    let isKnown = true; // A breaker's notice brought its state along.
    if (!isLeaving && kind === "pauses") isKnown = await pauses.refresh();
    if (!isLeaving && kind === "limits") isKnown = await guarding.rereadLimits();
    await starts.settled();
    return isKnown || isLeaving;
  });
  return {
    leave: () => {
      isLeaving = true;
    },
    stop,
  };
}
