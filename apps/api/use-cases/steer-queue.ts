import { Fault, type Identity } from "@millrace/core";
import { QUEUE_PAUSES_MAX } from "@millrace/core/limits";
import {
  orStoreFault,
  type Pause,
  pauseQueue as pauseInStore,
  resumeQueue as resumeInStore,
} from "@millrace/store";
import { untilHeeded } from "../orders.ts";
import type { Ports } from "../ports.ts";

export interface QueueOrder {
  /** A lane, or a task type. */
  readonly name: string;
  readonly reason: string | null;
  readonly correlationId: string;
}

/** A pause, and who does not go by it yet. */
export interface HeededPause {
  readonly pause: Pause;
  readonly pending: readonly string[];
}

/**
 * Starts nothing new of a lane or type; what runs goes on. When it resolves, nobody starts anything but those who are
 * named. Throws LIMIT_REACHED, STORE_UNAVAILABLE.
 */
export async function pauseQueue(
  ports: Ports,
  identity: Identity,
  { name, reason, correlationId }: QueueOrder,
): Promise<HeededPause> {
  const wish = { name, pausedBy: identity.userId, reason };
  const pause = await orStoreFault(pauseInStore(ports.sql, wish));
  if (pause === null) throw new Fault("LIMIT_REACHED", `${QUEUE_PAUSES_MAX} queues are paused already`);
  ports.log.info("queue paused", {
    queue: name,
    reason,
    user_id: identity.userId,
    correlation_id: correlationId,
  });
  const notice = { name, paused_at: pause.pausedAt.toISOString(), reason: pause.reason };
  return { pause, pending: await heeded(ports, ports.control.tellPause(notice), correlationId) };
}

/**
 * Everything that waited runs. Resuming what is not paused changes nothing. Resolves with those who do not go by it yet.
 * Throws STORE_UNAVAILABLE.
 */
export async function resumeQueue(
  ports: Ports,
  identity: Identity,
  { name, correlationId }: Omit<QueueOrder, "reason">,
): Promise<readonly string[]> {
  const isResumed = await orStoreFault(resumeInStore(ports.sql, name));
  if (!isResumed) return [];
  ports.log.info("queue resumed", { queue: name, user_id: identity.userId, correlation_id: correlationId });
  return await heeded(ports, ports.control.tellResume(name), correlationId);
}

/** Side by side: whoever is asked reads it in the database, told or not. */
async function heeded(
  ports: Ports,
  telling: Promise<void>,
  correlationId: string,
): Promise<readonly string[]> {
  const [pending] = await Promise.all([
    untilHeeded(ports, { kind: "pauses", correlationId }),
    told(ports, telling),
  ]);
  return pending;
}

/** The database has it; workers and schedulers read it there by and by when NATS does not tell them. */
async function told(ports: Ports, telling: Promise<void>): Promise<void> {
  try {
    await telling;
  } catch (error) {
    ports.log.warning("a pause or its end is stored and could not be told around", { error });
  }
}
