import type { LiveTeller } from "@millrace/bus";
import type { WorkerPorts } from "./ports.ts";

/** Attempts whose start is remembered; a worker runs far fewer at once. */
const STARTS_MAX = 10_000;

/** Tells each step of an attempt, and with the last one how long it took. */
export function createStepTeller(live: LiveTeller): WorkerPorts["tell"] {
  const startedMs = new Map<number, number>();
  return ({ seq, task_id, attempt, task_type, lane, priority }, change) => {
    const step = { seq, task_id, attempt, task_type, lane, priority, ...change };
    if (change.phase === "running") {
      if (startedMs.size >= STARTS_MAX) startedMs.clear();
      startedMs.set(seq, performance.now());
      return live.tell(step);
    }
    const started = startedMs.get(seq);
    startedMs.delete(seq);
    live.tell(started === undefined ? step : { ...step, took_ms: elapsedSince(started) });
  };
}

/** To a tenth of a millisecond: more digits only make messages longer. */
function elapsedSince(startedMs: number): number {
  return Math.round((performance.now() - startedMs) * 10) / 10;
}
