import { decodeWorkerBeat, WORKERS_BUCKET, type WorkerBeat } from "@millrace/protocol";
import { type KV, Kvm } from "@nats-io/kv";
import type { Bus } from "./connect.ts";

/** Beats outlive their worker for a while, so that an operator still sees who died. */
const BEAT_TTL_MS = 60 * 60 * 1000;
const KEY_HOSTILE = /[^A-Za-z0-9_-]/g;

export async function openWorkersBucket(bus: Bus): Promise<KV> {
  return await new Kvm(bus.js).create(WORKERS_BUCKET, { ttl: BEAT_TTL_MS, history: 1 });
}

/**
 * Worker ids may have characters that keys may not; the id itself stands in the value. Each becomes `=` and four digits,
 * `=` too: two ids never share a key. A dot becomes one, since no key may begin or end with it.
 */
function keyOf(workerId: string): string {
  return workerId.replace(KEY_HOSTILE, (char) => `=${char.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

export async function putBeat(bucket: KV, beat: WorkerBeat): Promise<void> {
  await bucket.put(keyOf(beat.worker_id), JSON.stringify(beat));
}

export async function removeBeat(bucket: KV, workerId: string): Promise<void> {
  await bucket.delete(keyOf(workerId));
}

export type BeatHandler = (change: { readonly beat: WorkerBeat } | { readonly removedKey: string }) => void;

/** Tells every beat, those that are there already first. The returned function ends it. */
export async function watchBeats(bucket: KV, handle: BeatHandler): Promise<() => void> {
  const watch = await bucket.watch();
  void (async () => {
    for await (const entry of watch) {
      const beat = entry.operation === "PUT" ? decodeWorkerBeat(entry.string()) : null;
      if (beat !== null) handle({ beat });
      else if (entry.operation !== "PUT") handle({ removedKey: entry.key });
    }
  })();
  return () => watch.stop();
}

export { keyOf as workerKey };
