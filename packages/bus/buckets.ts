import { join } from "node:path";
import { Fault } from "@millrace/core";
import { type KV, Kvm } from "@nats-io/kv";
import type { Bus } from "./connect.ts";
import { orMissing, untilAnswered } from "./jetstream-answers.ts";
import { provisionStream } from "./provision-stream.ts";
import { NATS_FOLDER, readConfig } from "./stream-files.ts";

const PATIENCE_MS = 3_000;

/**
 * A key-value bucket, made as `nats/streams/KV_<name>.json` says when it is not there. It is read from its leader: what a
 * compare-and-set builds upon must not be a replica's that lags behind.
 */
export async function openBucket(bus: Bus, name: string): Promise<KV> {
  const stream = `KV_${name}`;
  await untilAnswered(() => ensure(bus, stream), PATIENCE_MS);
  return await new Kvm(bus.js).open(name);
}

async function ensure(bus: Bus, stream: string): Promise<void> {
  if ((await orMissing(bus.manager.streams.info(stream))) !== null) return;
  if (!bus.streams.mayChange)
    throw new Fault("BUS_UNAVAILABLE", `NATS has no stream ${stream}, and this process may not create it`);
  await provisionStream(bus, await readConfig(join(NATS_FOLDER, "streams", `${stream}.json`)));
}
