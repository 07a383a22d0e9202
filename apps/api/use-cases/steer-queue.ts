import { Fault, type Identity } from "@millrace/core";
import { QUEUE_PAUSES_MAX } from "@millrace/core/limits";
import {
  orStoreFault,
  type Pause,
  pauseQueue as pauseInStore,
  resumeQueue as resumeInStore,
} from "@millrace/store";
import type { Ports } from "../ports.ts";

export interface QueueOrder {
  /** A lane, or a task type. */
  readonly name: string;
  readonly reason: string | null;
  readonly correlationId: string;
}

/** Starts nothing new of a lane or type; what runs goes on. Throws LIMIT_REACHED, STORE_UNAVAILABLE. */
export async function pauseQueue(
  ports: Ports,
  identity: Identity,
  { name, reason, correlationId }: QueueOrder,
): Promise<Pause> {
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
  await told(ports, ports.control.tellPause(notice));
  return pause;
}

/** Everything that waited runs. Resuming what is not paused changes nothing. Throws STORE_UNAVAILABLE. */
export async function resumeQueue(
  ports: Ports,
  identity: Identity,
  { name, correlationId }: Omit<QueueOrder, "reason">,
): Promise<void> {
  const isResumed = await orStoreFault(resumeInStore(ports.sql, name));
  if (!isResumed) return;
  ports.log.info("queue resumed", { queue: name, user_id: identity.userId, correlation_id: correlationId });
  await told(ports, ports.control.tellResume(name));
}

/** The database has it; workers and schedulers read it there by and by when NATS does not tell them. */
async function told(ports: Ports, telling: Promise<void>): Promise<void> {
  try {
    await telling;
  } catch (error) {
    ports.log.warning("a pause or its end is stored and could not be told around", { error });
  }
}
