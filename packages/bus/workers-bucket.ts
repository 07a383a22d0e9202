import { decodeWorkerBeat, WORKERS_BUCKET, type WorkerBeat } from "@millrace/protocol";
import type { KV } from "@nats-io/kv";
import { openBucket } from "./buckets.ts";
import type { Bus } from "./connect.ts";

const KEY_HOSTILE = /[^A-Za-z0-9_-]/g;

/** Beats outlive their worker for an hour, so that an operator still sees who died. */
export async function openWorkersBucket(bus: Bus): Promise<KV> {
  return await openBucket(bus, WORKERS_BUCKET);
}

/**
 * Worker ids may have characters that keys may not; the id itself stands in the value. Each becomes `=` and four digits,
 * `=` too: two ids never share a key. A dot becomes one, since no key may begin or end with it.
 */
function keyOf(workerId: string): string {
  return workerId.replace(KEY_HOSTILE, (char) => `=${char.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

const PUT_MS_MAX = 5_000;

/** Rejects when it is not stored before the next one is due: what got lost with a connection must not hold that up. */
export async function putBeat(bucket: KV, beat: WorkerBeat): Promise<void> {
  const timeout = Math.min(PUT_MS_MAX, beat.heartbeat_interval * 1000);
  await bucket.put(keyOf(beat.worker_id), JSON.stringify(beat), { timeout });
}

export async function removeBeat(bucket: KV, workerId: string): Promise<void> {
  await bucket.delete(keyOf(workerId));
}

export type BeatHandler = (change: { readonly beat: WorkerBeat } | { readonly removedKey: string }) => void;

const SUBJECT_PREFIX = `$KV.${WORKERS_BUCKET}.`;
const OPERATION_HEADER = "KV-Operation";

/**
 * Tells every beat from now on; the returned function ends it. It listens to the messages that the bucket is made of,
 * without a consumer that would have to be made again whenever NATS restarts: a subscription comes back by itself.
 */
export function hearBeats(bus: Bus, handle: BeatHandler): () => void {
  const subscription = bus.connection.subscribe(`${SUBJECT_PREFIX}>`, {
    callback: (error, message) => {
      if (error !== null) return;
      const removedKey = message.subject.slice(SUBJECT_PREFIX.length);
      if ((message.headers?.get(OPERATION_HEADER) ?? "") !== "") return handle({ removedKey });
      const beat = decodeWorkerBeat(message.string());
      if (beat !== null) handle({ beat });
    },
  });
  return () => subscription.unsubscribe();
}

/** The last beat of every worker that has not left, by key. Rejects when NATS does not answer. */
export async function readBeats(bus: Bus): Promise<ReadonlyMap<string, WorkerBeat>> {
  const beats = new Map<string, WorkerBeat>();
  const messages = await bus.manager.direct.getLastMessagesFor(`KV_${WORKERS_BUCKET}`, {
    multi_last: [`${SUBJECT_PREFIX}>`],
  });
  for await (const message of messages) {
    const beat = message.header.has(OPERATION_HEADER) ? null : decodeWorkerBeat(message.string());
    if (beat !== null) beats.set(message.subject.slice(SUBJECT_PREFIX.length), beat);
  }
  return beats;
}

export { keyOf as workerKey };
