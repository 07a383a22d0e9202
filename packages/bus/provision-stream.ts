import { Fault } from "@millrace/core";
import { JetStreamApiError, type StreamConfig } from "@nats-io/jetstream";
import type { Bus } from "./connect.ts";
import { type Drift, describe, diff } from "./drift.ts";
import { isPassing, NO_PEERS_CODE, orMissing } from "./jetstream-answers.ts";
import { type FileConfig, withReplicas } from "./stream-files.ts";

export interface Provisioned {
  readonly what: string;
  readonly isCreated: boolean;
  readonly drift: Drift | null;
}

/** Makes the stream, or mends what differs. Rejects with what `isPassing` knows while the cluster elects. */
export async function provisionStream(bus: Bus, config: FileConfig): Promise<Provisioned> {
  const name = String(config.name);
  const what = `stream ${name}`;
  const { replicas } = bus.streams;
  const found = await orMissing(bus.manager.streams.info(name));
  if (found === null) return await createStream(bus, withReplicas(config, replicas));
  const has = found.config.num_replicas;
  // A process that was told too few must not take away what others rely on.
  const kept = Math.max(has, replicas);
  const wanted = withReplicas(config, kept);
  const fields = diff(wanted, { ...found.config });
  const fewer = [{ name: "num_replicas", wanted: replicas, found: has }];
  if (fields.every(isHarmless)) {
    const reason = `${what} has ${has} replicas, and NATS_REPLICAS says ${replicas}: they stay`;
    return { what, isCreated: false, drift: has > replicas ? { what, fields: fewer, reason } : null };
  }
  if (has < kept && found.config.persist_mode === "async") return await makeAnew(bus, wanted, fields);
  return { what, isCreated: false, drift: await mendStream(bus, wanted, { found: found.config, fields }) };
}

/** Slower than it could be, and the server changes it for no existing stream. */
export function isHarmless({ name, found }: Drift["fields"][number]): boolean {
  return name === "persist_mode" && found !== "async";
}

/** What is written lazily can be built anew: that is why it may be. Nothing else is ever deleted. */
async function makeAnew(bus: Bus, wanted: FileConfig, fields: Drift["fields"]): Promise<Provisioned> {
  const what = `stream ${wanted.name}`;
  await orMissing(bus.manager.streams.delete(String(wanted.name)));
  await createStream(bus, wanted);
  const reason = `${what} was written lazily, which NATS replicates to nobody: it is made anew, and filled again`;
  return { what, isCreated: false, drift: { what, fields, reason } };
}

async function mendStream(
  bus: Bus,
  wanted: FileConfig,
  { found, fields }: { readonly found: StreamConfig; readonly fields: Drift["fields"] },
): Promise<Drift> {
  const what = `stream ${found.name}`;
  const drift: Drift = { what, fields };
  // Without the word that the server would refuse. A copy, since the client library adds fields to what it is given.
  const { persist_mode: mode, ...rest } = wanted;
  const change = (fields.some(isHarmless)
    ? rest
    : { ...rest, ...(mode !== undefined && { persist_mode: mode }) }) as unknown as StreamConfig;
  const update = (config: StreamConfig) => bus.manager.streams.update(found.name, config);
  try {
    await mend(drift, update(change));
    return drift;
  } catch (error) {
    if (!(error instanceof Fault && hasNoRoom(error.cause))) throw error;
    await mend(drift, update({ ...change, max_bytes: found.max_bytes }));
    return { ...drift, reason: noRoom(what, found.max_bytes) };
  }
}

async function createStream(bus: Bus, config: FileConfig): Promise<Provisioned> {
  const what = `stream ${config.name}`;
  const { config: made, reason } = await addStream(bus, { ...config } as unknown as StreamConfig);
  const refused = diff(config, { ...made }).filter(
    ({ name }) => reason === undefined || name !== "max_bytes",
  );
  if (refused.length > 0)
    throw new Fault("BUS_UNAVAILABLE", `NATS ignored parts of ${what}: ${describe(refused)}`);
  const drift = reason === undefined ? null : { what, fields: diff(config, { ...made }), reason };
  return { what, isCreated: true, drift };
}

interface Added {
  readonly config: StreamConfig;
  readonly reason?: string;
}

/** JetStream sets aside what a stream may grow to: a small disk or account cannot promise it. */
async function addStream(bus: Bus, wanted: StreamConfig): Promise<Added> {
  for (let maxBytes = wanted.max_bytes; ; maxBytes = Math.floor(maxBytes / 2)) {
    try {
      const { config } = await bus.manager.streams.add({ ...wanted, max_bytes: maxBytes });
      if (maxBytes === wanted.max_bytes) return { config };
      return { config, reason: noRoom(`stream ${wanted.name}`, maxBytes) };
    } catch (error) {
      const isSmall = maxBytes < 2 * STREAM_BYTES_MIN;
      if (!hasNoRoom(error) || isSmall) throw refusalOf(error, wanted);
    }
  }
}

/** A stream that has less refuses so much that nothing works. */
const STREAM_BYTES_MIN = 16 * 1024 * 1024;
/** The account's limit; the server's resources; its storage. */
const NO_ROOM_CODES = new Set([10_002, 10_023, 10_047]);
const NOT_CLUSTERED_CODE = 10_074;

function hasNoRoom(error: unknown): boolean {
  if (!(error instanceof JetStreamApiError)) return false;
  if (error.code === NO_PEERS_CODE) return error.message.includes("storage");
  return NO_ROOM_CODES.has(error.code);
}

function noRoom(what: string, bytes: number): string {
  return `NATS has no room for all of ${what}: it gets ${bytes} bytes`;
}

function refusalOf(error: unknown, { name, num_replicas: replicas }: StreamConfig): unknown {
  if (!(error instanceof JetStreamApiError) || isPassing(error)) return error;
  if (error.code !== NO_PEERS_CODE && error.code !== NOT_CLUSTERED_CODE) return error;
  const message = `NATS has no ${replicas} servers for stream ${name} (${error.message}); NATS_REPLICAS is ${replicas}`;
  return new Fault("BUS_UNAVAILABLE", message, { cause: error });
}

/** Waits for a change, and says what it was when the server refuses it. */
export async function mend({ what, fields }: Drift, update: Promise<unknown>): Promise<void> {
  try {
    await update;
  } catch (error) {
    if (!(error instanceof JetStreamApiError) || isPassing(error)) throw error;
    const wish = "make it again, or change the file";
    const message = `NATS refuses to mend ${what} (${error.message}): ${describe(fields)}; ${wish}`;
    throw new Fault("BUS_UNAVAILABLE", message, { cause: error });
  }
}
