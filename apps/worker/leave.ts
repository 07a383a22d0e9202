import { WORKER_DRAIN_MS_MAX } from "@millrace/core/limits";
import type { EndTeller } from "@millrace/store";
import type { Guarding } from "./guards/start-guards.ts";
import type { Heartbeat } from "./heartbeat.ts";
import type { Heeding } from "./heed-orders.ts";
import type { LanePuller } from "./lane-puller.ts";
import type { WorkerPorts } from "./ports.ts";
import type { RunningAttempts } from "./running.ts";

/** What a worker consists of that is to end. */
export interface Leaving {
  readonly pullers: readonly LanePuller[];
  /** The pullers' loops. */
  readonly loops: readonly Promise<void>[];
  /** What goes on beside the slots. */
  readonly work: ReadonlySet<Promise<void>>;
  readonly running: RunningAttempts;
  readonly ports: Pick<WorkerPorts, "audit" | "publisher" | "flushLive"> & { readonly endTeller: EndTeller };
  readonly guarding: Pick<Guarding, "stop">;
  readonly heeding: Heeding;
  readonly heartbeat: Heartbeat;
  /** Ends what listens. */
  readonly stopListening: () => void;
}

const IDLE_LOOK_MS = 20;
const FOLLOW_UP_MS_MAX = 1_000;

/** Takes nothing new, lets what runs end for a while, gives the rest back, and says goodbye. */
export async function leave(parts: Leaving): Promise<void> {
  const { pullers, loops, work, running, ports, guarding, heeding, heartbeat, stopListening } = parts;
  for (const puller of pullers) puller.stop();
  heeding.leave();
  heartbeat.be("draining");
  await Promise.all(loops);
  await untilIdle(pullers, running);
  // What follows from outcomes waits for NATS at most this long; the scheduler does the rest.
  await Promise.race([Promise.allSettled([...work]), Bun.sleep(FOLLOW_UP_MS_MAX)]);
  await Promise.race([ports.endTeller.drain(), Bun.sleep(FOLLOW_UP_MS_MAX)]);
  ports.audit.stop();
  running.stop();
  stopListening();
  await Promise.race([guarding.stop(), Bun.sleep(FOLLOW_UP_MS_MAX)]);
  await Promise.race([ports.publisher.drain(), Bun.sleep(FOLLOW_UP_MS_MAX)]);
  ports.flushLive();
  await heartbeat.stop();
  heeding.stop(); // As long as it beats, its answer is waited for.
}

/** Running tasks may end by themselves for a while; then they are stopped and given back, unpunished. */
async function untilIdle(pullers: readonly LanePuller[], running: RunningAttempts): Promise<void> {
  const busy = (): number => pullers.reduce((sum, puller) => sum + puller.busy, 0);
  const givingBackAt = performance.now() + WORKER_DRAIN_MS_MAX;
  let isAborted = false;
  while (busy() > 0) {
    if (!isAborted && performance.now() >= givingBackAt) {
      isAborted = true;
      running.abortAll("drained");
    }
    await Bun.sleep(IDLE_LOOK_MS);
  }
}
