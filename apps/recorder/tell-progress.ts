import { readEventsState, readStoredAt } from "@millrace/bus";
import type { RecorderPorts } from "./ports.ts";
import type { Counts } from "./progress.ts";

/** Measures how far behind the recorder is, and says so: as metric, for /health/ready, and in a line when it moved. */
export function createProgressTeller(ports: RecorderPorts, nowMs: () => number): () => Promise<void> {
  let toldMs = nowMs();
  let told = ports.progress.counts;
  return async () => {
    await measureLag(ports, nowMs());
    const { counts, lag } = ports.progress;
    const moved = since(counts, told);
    if (moved === 0 && lag.messages === 0) return;
    const seconds = Math.max(0.001, (nowMs() - toldMs) / 1000);
    ports.log.info("recorded", {
      ...{ stored: counts.stored - told.stored, rejected: counts.rejected - told.rejected },
      deduplicated: counts.deduplicated - told.deduplicated,
      events_per_second: Math.round(moved / seconds),
      ...{ lag_messages: lag.messages, lag_events: lag.events, lag_seconds: lag.seconds },
    });
    told = counts;
    toldMs = nowMs();
  };
}

function since(now: Counts, then: Counts): number {
  return now.stored + now.rejected + now.deduplicated - then.stored - then.rejected - then.deduplicated;
}

async function measureLag({ bus, progress, metrics }: RecorderPorts, nowMs: number): Promise<void> {
  const { unrecorded, ackFloor } = await readEventsState(bus);
  const oldest = unrecorded === 0 ? null : await readStoredAt(bus, ackFloor + 1);
  const seconds = oldest === null ? 0 : Math.max(0, (nowMs - oldest.getTime()) / 1000);
  progress.lag = { messages: unrecorded, events: progress.eventsIn(unrecorded), seconds };
  metrics.lagMessages.set({}, unrecorded);
  metrics.lagEvents.set({}, progress.lag.events);
  metrics.lagSeconds.set({}, seconds);
}
