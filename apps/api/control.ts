import {
  BreakerBoard,
  type Bus,
  type KnownBreaker,
  openControlBucket,
  type PauseNotice,
  readBeats,
  readBreakers,
  tellLimitsChanged,
  tellPause,
  tellResume,
  tellSchedulesChanged,
} from "@millrace/bus";
import type { Breaker, BreakerEvent } from "@millrace/core";
import type { WorkerBeat } from "@millrace/protocol";

/** What the api tells schedulers and workers beside tasks. What gets lost, they find out by themselves within seconds. */
export interface Control {
  tellSchedulesChanged(): void;
  /** Rejects when NATS does not answer. */
  tellPause(pause: PauseNotice): Promise<void>;
  tellResume(name: string): Promise<void>;
  tellLimitsChanged(changedAt: Date): Promise<void>;
  /** All breakers that have opened or been forced, by origin. */
  readBreakers(): Promise<ReadonlyMap<string, KnownBreaker>>;
  /** Changes a breaker for all; the state after. */
  changeBreaker(origin: string, event: BreakerEvent): Promise<Breaker>;
  /** Who works, as they said last. */
  readBeats(): Promise<readonly WorkerBeat[]>;
}

export function busControl(bus: Bus): Control {
  return {
    tellSchedulesChanged: () => tellSchedulesChanged(bus),
    tellPause: async (pause) => tellPause(await openControlBucket(bus), pause),
    tellResume: async (name) => tellResume(await openControlBucket(bus), name),
    tellLimitsChanged: async (changedAt) => tellLimitsChanged(await openControlBucket(bus), changedAt),
    readBreakers: () => readBreakers(bus),
    changeBreaker: (origin, event) => changeBreaker(bus, origin, event),
    readBeats: async () => [...(await readBeats(bus)).values()],
  };
}

/** A board for one change, which is an operator's: nothing is known in advance, and what NATS does not take has failed. */
async function changeBreaker(bus: Bus, origin: string, event: BreakerEvent): Promise<Breaker> {
  let failure: unknown = null;
  const board = new BreakerBoard({
    bus,
    onFailure: (error) => {
      failure ??= error;
    },
  });
  await board.refresh();
  if (failure === null) await board.change(origin, event);
  if (failure !== null) throw failure;
  return board.get(origin);
}
