import { EVENTS_MESSAGE_BYTES_MAX } from "@millrace/core/limits";
import { EVENTS_STREAM } from "@millrace/protocol/events/index";
import { AckPolicy, DeliverPolicy } from "@nats-io/jetstream";
import type { Bus } from "./connect.ts";
import { type EventDelivery, pullEvents } from "./event-reader.ts";

export interface EventFollowing {
  readonly onMessages: (deliveries: readonly EventDelivery[]) => void;
  /** Messages that were left out because the stream was faster. */
  readonly onSkipped: (messages: number) => void;
  /** What is read at most; the rest is left out. */
  readonly bytesPerSecond: number;
}

const NANOSECONDS_PER_MS = 1_000_000;
/** The server forgets the consumer of a process that has died. */
const FORGET_MS = 30_000;
const WAIT_MS = 5_000;
const PULL_MESSAGES_MAX = 64;
const PULL_BYTES_MAX = 2 * EVENTS_MESSAGE_BYTES_MAX;
/** Further behind than this it jumps to the end: a live view shows what happens now. */
const BEHIND_MESSAGES_MAX = 128;
const RETRY_MS = 1_000;

/**
 * Shows what comes into the stream from now on, to whoever watches: only what was accepted, and without a query. It takes
 * messages at its own pace, so a flood stays with the server; it skips what it cannot follow, and says so. The returned
 * function ends it.
 */
export function followEvents(bus: Bus, following: EventFollowing): () => void {
  const stopping = new AbortController();
  void follow(bus, following, stopping.signal);
  return () => stopping.abort();
}

async function follow(bus: Bus, following: EventFollowing, signal: AbortSignal): Promise<void> {
  while (!signal.aborted && !bus.connection.isClosed()) {
    const consumer = `tail-${crypto.randomUUID()}`;
    try {
      await bus.manager.consumers.add(EVENTS_STREAM, {
        name: consumer,
        deliver_policy: DeliverPolicy.New,
        ack_policy: AckPolicy.None,
        inactive_threshold: FORGET_MS * NANOSECONDS_PER_MS,
        mem_storage: true,
        num_replicas: 1,
      });
      await followUntilBehind(bus, following, { consumer, signal });
      await bus.manager.consumers.delete(EVENTS_STREAM, consumer);
    } catch {
      await Bun.sleep(RETRY_MS); // NATS is away, or somebody has removed the consumer: from the end again.
    }
  }
}

interface Tail {
  readonly consumer: string;
  readonly signal: AbortSignal;
}

async function followUntilBehind(
  bus: Bus,
  following: EventFollowing,
  { consumer, signal }: Tail,
): Promise<void> {
  let freeAtMs = performance.now();
  while (!signal.aborted) {
    const askedMs = performance.now();
    const delivered = await pullEvents(bus, {
      ...{ consumer, batch: PULL_MESSAGES_MAX, bytesMax: PULL_BYTES_MAX, waitMs: WAIT_MS, signal },
    });
    if (signal.aborted) return;
    const last = delivered.at(-1);
    if (last === undefined) {
      // An answer before its time: the consumer may be gone. Then this throws.
      if (performance.now() - askedMs < WAIT_MS / 2)
        await bus.manager.consumers.info(EVENTS_STREAM, consumer);
      continue;
    }
    following.onMessages(delivered);
    if (last.pending > BEHIND_MESSAGES_MAX) return following.onSkipped(last.pending);
    const bytes = delivered.reduce((sum, { body }) => sum + body.length, 0);
    freeAtMs = Math.max(freeAtMs, performance.now()) + (bytes / following.bytesPerSecond) * 1_000;
    const waitMs = freeAtMs - performance.now() - 1_000; // A second's worth may come at once.
    if (waitMs > 0) await Bun.sleep(waitMs);
  }
}

/** When a message that is not recorded arrived at the stream, and its `Millrace-Batch`. */
export interface UnrecordedMessage {
  readonly seq: number;
  readonly storedMs: number;
  readonly header: string | undefined;
}

/** The headers of messages behind a sequence, without their bodies: the first ones, up to the limit. */
export async function readHeadersBehind(
  bus: Bus,
  { afterSeq, limit }: { readonly afterSeq: number; readonly limit: number },
): Promise<readonly UnrecordedMessage[]> {
  const name = `look-${crypto.randomUUID()}`;
  await bus.manager.consumers.add(EVENTS_STREAM, {
    name,
    deliver_policy: DeliverPolicy.StartSequence,
    opt_start_seq: afterSeq + 1,
    ack_policy: AckPolicy.None,
    headers_only: true,
    inactive_threshold: FORGET_MS * NANOSECONDS_PER_MS,
    mem_storage: true,
    num_replicas: 1,
  });
  try {
    return await pullEvents(bus, { consumer: name, batch: limit, bytesMax: HEADERS_BYTES_MAX, waitMs: 0 });
  } finally {
    await bus.manager.consumers.delete(EVENTS_STREAM, name);
  }
}

const HEADERS_BYTES_MAX = 4 * 1024 * 1024;
