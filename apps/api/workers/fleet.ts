import {
  type Bus,
  type CancelNotice,
  HeldTeller,
  type KnownWorker,
  type LiveTeller,
  onCancelled,
  onLeasable,
  onPausesChanged,
  onWorkerChanged,
  openWorkersBucket,
  putBeat,
  removeBeat,
  tellLeasable,
  tellWorkerChanged,
} from "@millrace/bus";
import { Fault } from "@millrace/core";
import type { LiveProgress, WorkerBeat } from "@millrace/protocol";

/** What the api hears of and says about workers, by NATS. */
export interface Fleet {
  /** Everybody that beats, ours and those that speak HTTP. */
  list(): readonly KnownWorker[];
  /** Throws BUS_UNAVAILABLE: then the beat does not count. */
  beat(beat: WorkerBeat): Promise<void>;
  forget(workerId: string): Promise<void>;
  tellLeasable(types: readonly string[]): void;
  tellChanged(workerId: string): void;
  /** Tasks are held back for this guard: whoever holds of it what it does not use gives it back. */
  tellHeld(name: string): void;
  tellProgress(progress: LiveProgress): void;
  onLeasable(handle: (types: readonly string[]) => void): void;
  onPausesChanged(handle: () => void): void;
  onCancelled(handle: (notice: CancelNotice) => void): void;
  onChanged(handle: (workerId: string) => void): void;
}

export interface BusFleetOptions {
  readonly list: () => readonly KnownWorker[];
  readonly teller: Pick<LiveTeller, "tellProgress">;
}

export async function busFleet(bus: Bus, { list, teller }: BusFleetOptions): Promise<Fleet> {
  const bucket = await openWorkersBucket(bus);
  const held = new HeldTeller(bus);
  return {
    list,
    tellProgress: (progress) => teller.tellProgress(progress),
    beat: (beat) => orBusFault(putBeat(bucket, beat)),
    forget: (workerId) => orBusFault(removeBeat(bucket, workerId)),
    tellLeasable: (types) => tellLeasable(bus, types),
    tellHeld: (name) => held.held(name),
    tellChanged: (workerId) => tellWorkerChanged(bus, workerId),
    onLeasable: (handle) => void onLeasable(bus, handle),
    onPausesChanged: (handle) => void onPausesChanged(bus, handle),
    onCancelled: (handle) => void onCancelled(bus, handle),
    onChanged: (handle) => void onWorkerChanged(bus, handle),
  };
}

async function orBusFault(saying: Promise<void>): Promise<void> {
  try {
    await saying;
  } catch (cause) {
    throw new Fault("BUS_UNAVAILABLE", "the heartbeat could not be written down", { cause, retryAfterS: 1 });
  }
}
