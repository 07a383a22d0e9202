import type { Supervised } from "./supervised.ts";

/** How long each step of a stop may take; together they stay below the ten seconds that Ctrl-C promises. */
export interface DrainTimes {
  /** The first service has this long before the next ones are asked too: no new work comes in meanwhile. */
  readonly frontMs: number;
  /** All services together, from the beginning; then they are killed. */
  readonly servicesMs: number;
  /** The servers behind them; then they are aborted. */
  readonly serversMs: number;
}

/**
 * A worker that is asked last still has five seconds: for WORKER_DRAIN_MS_MAX, ABORT_GRACE_MS, and to write down what it
 * gives back. With less, each stop cost every long task an attempt.
 */
export const DRAIN_TIMES: DrainTimes = { frontMs: 2_000, servicesMs: 7_000, serversMs: 2_500 };

export interface Drained {
  /** What did not end when it was asked, and was killed. */
  readonly killed: readonly string[];
}

/**
 * Stops the stack from the front to the back: first what takes work in, then what does the work, then NATS and
 * PostgreSQL, which the others need until they are done.
 */
export async function drain(
  services: readonly Supervised[],
  servers: readonly Supervised[],
  times: DrainTimes = DRAIN_TIMES,
): Promise<Drained> {
  const fromMs = performance.now();
  const [front, ...behind] = services;
  if (front !== undefined) await within(times.frontMs, [front]);
  const slow = await within(times.servicesMs - (performance.now() - fromMs), [
    ...(front === undefined ? [] : [front]),
    ...behind,
  ]);
  await Promise.all(slow.map((each) => each.abort()));
  const slowServers = await within(times.serversMs, servers);
  await Promise.all(slowServers.map((each) => each.abort()));
  return { killed: [...slow, ...slowServers].map(({ spec }) => spec.name) };
}

/** Asks each to stop, and returns those that are not gone in time. */
async function within(limitMs: number, asked: readonly Supervised[]): Promise<readonly Supervised[]> {
  const left = new Set(asked);
  const { promise: isOver, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, Math.max(0, limitMs));
  const gone = asked.map(async (each) => {
    await each.stop();
    left.delete(each);
  });
  await Promise.race([Promise.all(gone), isOver]);
  clearTimeout(timer);
  return [...left];
}
