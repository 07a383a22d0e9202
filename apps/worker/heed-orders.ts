import { answerForOrders, type Bus, type PauseBoard } from "@millrace/bus";
import type { OrderKind } from "@millrace/protocol";
import type { DrainBoard } from "./drain-board.ts";
import type { Guarding } from "./guards/start-guards.ts";
import type { Starts } from "./starts.ts";

export interface HeedingOptions {
  readonly bus: Bus;
  readonly session: string;
  readonly pauses: Pick<PauseBoard, "refresh">;
  readonly drains: Pick<DrainBoard, "refresh">;
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
export function heedOrders({ bus, session, starts, ...boards }: HeedingOptions): Heeding {
  let isLeaving = false;
  const stop = answerForOrders(bus, session, async (kind) => {
    const isKnown = isLeaving || (await read(kind, boards));
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

type Boards = Pick<HeedingOptions, "pauses" | "drains" | "guarding">;

async function read(kind: OrderKind, { pauses, drains, guarding }: Boards): Promise<boolean> {
  switch (kind) {
    case "pauses":
      return await pauses.refresh();
    case "drains":
      return await drains.refresh();
    case "limits":
      return await guarding.rereadLimits();
    case "breakers":
      return true; // The notice brought the state along.
  }
}
