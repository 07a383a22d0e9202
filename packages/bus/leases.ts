import { LEASABLE_SUBJECT, WORKERS_SUBJECT } from "@millrace/protocol";
import type { Bus } from "./connect.ts";

/** Types that one word names; more are told in several. */
const TYPES_AT_ONCE_MAX = 500;

/**
 * Tells the api processes, where workers over HTTP wait, that tasks of these types may be leased now. A word that gets lost
 * is made up for when a worker asks again, at the latest after LEASE_WAIT_S_MAX.
 */
export function tellLeasable(bus: Bus, types: readonly string[]): void {
  if (bus.connection.isClosed()) return;
  for (let from = 0; from < types.length; from += TYPES_AT_ONCE_MAX)
    bus.connection.publish(LEASABLE_SUBJECT, JSON.stringify(types.slice(from, from + TYPES_AT_ONCE_MAX)));
}

export function onLeasable(bus: Bus, handle: (types: readonly string[]) => void): () => void {
  return hear(bus, LEASABLE_SUBJECT, (told) => {
    if (Array.isArray(told)) handle(told.filter((type) => typeof type === "string"));
  });
}

/** Tells the api processes that what they know of a worker over HTTP is not so any more. */
export function tellWorkerChanged(bus: Bus, workerId: string): void {
  if (!bus.connection.isClosed()) bus.connection.publish(WORKERS_SUBJECT, JSON.stringify(workerId));
}

export function onWorkerChanged(bus: Bus, handle: (workerId: string) => void): () => void {
  return hear(bus, WORKERS_SUBJECT, (told) => {
    if (typeof told === "string") handle(told);
  });
}

/** What is not ours is dropped: an exception in here would end the whole connection. */
function hear(bus: Bus, subject: string, handle: (told: unknown) => void): () => void {
  const subscription = bus.connection.subscribe(subject, {
    callback: (error, message) => {
      if (error !== null) return;
      let told: unknown;
      try {
        told = JSON.parse(message.string());
      } catch {
        return;
      }
      handle(told);
    },
  });
  return () => subscription.unsubscribe();
}
