import { CONTROL_BUCKET, SCHEDULES_SUBJECT } from "@millrace/protocol";
import { JetStreamApiError, JetStreamError } from "@nats-io/jetstream";
import type { KV } from "@nats-io/kv";
import { openBucket } from "./buckets.ts";
import type { Bus } from "./connect.ts";
import { orMissing } from "./jetstream-answers.ts";

/** Tells the schedulers that schedules have changed. Nothing is lost with it: they look now and then in any case. */
export function tellSchedulesChanged(bus: Bus): void {
  if (!bus.connection.isClosed()) bus.connection.publish(SCHEDULES_SUBJECT);
}

export function onSchedulesChanged(bus: Bus, handle: () => void): () => void {
  return hear(bus, SCHEDULES_SUBJECT, handle);
}

/** A lane or task type of which nothing new is started, as the bucket `control` tells it. */
export interface PauseNotice {
  readonly name: string;
  /** RFC 3339. */
  readonly paused_at: string;
  readonly reason: string | null;
}

const PAUSE_PREFIX = "paused.";
const SUBJECT_PREFIX = `$KV.${CONTROL_BUCKET}.${PAUSE_PREFIX}`;
const OPERATION_HEADER = "KV-Operation";
const PUT_MS_MAX = 3_000;

/** `paused.<lane or type>`: what `nats kv ls control` shows. A type's name is a key as it stands. */
function keyOf(name: string): string {
  return `${PAUSE_PREFIX}${name}`;
}

/** Makes it when it is not there. */
export async function openControlBucket(bus: Bus): Promise<KV> {
  return await openBucket(bus, CONTROL_BUCKET);
}

export async function tellPause(bucket: KV, pause: PauseNotice): Promise<void> {
  await bucket.put(keyOf(pause.name), JSON.stringify(pause), { timeout: PUT_MS_MAX });
}

export async function tellResume(bucket: KV, name: string): Promise<void> {
  await bucket.delete(keyOf(name));
}

/**
 * The names that the bucket says are paused; null when there is no bucket. One question, without a consumer.
 * Rejects when NATS does not answer.
 */
export async function readToldPauses(bus: Bus): Promise<ReadonlySet<string> | null> {
  const names = new Set<string>();
  try {
    const messages = await bus.manager.direct.getLastMessagesFor(`KV_${CONTROL_BUCKET}`, {
      multi_last: [`${SUBJECT_PREFIX}>`],
    });
    for await (const { subject, header } of messages)
      if (!header.has(OPERATION_HEADER)) names.add(subject.slice(SUBJECT_PREFIX.length));
    return names;
  } catch (error) {
    if (error instanceof JetStreamApiError) return null;
    if (!(error instanceof JetStreamError)) throw error;
    // "No responders" is what a stream that is not there says to a direct question.
    return (await hasBucket(bus)) ? names : null;
  }
}

async function hasBucket(bus: Bus): Promise<boolean> {
  return (await orMissing(bus.manager.streams.info(`KV_${CONTROL_BUCKET}`))) !== null;
}

/** Calls whenever the bucket is told of a pause or of its end. A plain subscription, which comes back by itself. */
export function onPausesChanged(bus: Bus, handle: () => void): () => void {
  return hear(bus, `${SUBJECT_PREFIX}>`, handle);
}

const LIMITS_KEY = "limits";

/** Says that limits have changed: the database has them, and whoever enforces them reads them there. */
export async function tellLimitsChanged(bucket: KV, changedAt: Date): Promise<void> {
  const value = JSON.stringify({ changed_at: changedAt.toISOString() });
  await bucket.put(LIMITS_KEY, value, { timeout: PUT_MS_MAX });
}

export function onLimitsChanged(bus: Bus, handle: () => void): () => void {
  return hear(bus, `$KV.${CONTROL_BUCKET}.${LIMITS_KEY}`, handle);
}

function hear(bus: Bus, subject: string, handle: () => void): () => void {
  const subscription = bus.connection.subscribe(subject, {
    callback: (error) => {
      if (error === null) handle();
    },
  });
  return () => subscription.unsubscribe();
}
