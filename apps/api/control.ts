import {
  type Bus,
  openControlBucket,
  type PauseNotice,
  tellPause,
  tellResume,
  tellSchedulesChanged,
} from "@millrace/bus";

/** What the api tells schedulers and workers beside tasks. What gets lost, they find out by themselves within seconds. */
export interface Control {
  tellSchedulesChanged(): void;
  /** Rejects when NATS does not answer. */
  tellPause(pause: PauseNotice): Promise<void>;
  tellResume(name: string): Promise<void>;
}

export function busControl(bus: Bus): Control {
  return {
    tellSchedulesChanged: () => tellSchedulesChanged(bus),
    tellPause: async (pause) => tellPause(await openControlBucket(bus), pause),
    tellResume: async (name) => tellResume(await openControlBucket(bus), name),
  };
}
