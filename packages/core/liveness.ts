/** Heartbeats that may fail to come before a worker is thought ill, and dead. */
export const BEATS_MISSED_UNHEALTHY = 2;
export const BEATS_MISSED_DEAD = 3;

export type WorkerLiveness = "alive" | "unhealthy" | "dead";

/** What silence of this length says about a worker that promised to beat every `intervalMs`. */
export function livenessOf(silentMs: number, intervalMs: number): WorkerLiveness {
  if (silentMs >= intervalMs * BEATS_MISSED_DEAD) return "dead";
  return silentMs >= intervalMs * BEATS_MISSED_UNHEALTHY ? "unhealthy" : "alive";
}
