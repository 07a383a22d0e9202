import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { Fault } from "@millrace/core";
import type { ConsumerConfig } from "@nats-io/jetstream";
import type { Bus } from "./connect.ts";
import { type Drift, describe, diff } from "./drift.ts";
import { orMissing, START_PATIENCE_MS, untilAnswered } from "./jetstream-answers.ts";
import { isHarmless, mend, type Provisioned, provisionStream } from "./provision-stream.ts";
import { type FileConfig, NATS_FOLDER, readConfigs, withReplicas } from "./stream-files.ts";

export interface Provisioning {
  readonly created: readonly string[];
  /** Differences found, and mended unless they say why not. */
  readonly drifts: readonly Drift[];
}

export interface ProvisionOptions {
  readonly folder?: string;
  /** How long a cluster may take to elect its leaders, for each stream. */
  readonly patienceMs?: number;
}

const PATIENCE_MS = 5_000;

/** As each process does it before it starts: with the patience that a cluster needs which was started at the same time. */
export function provisionAtStart(bus: Bus): Promise<Provisioning> {
  return provision(bus, { patienceMs: START_PATIENCE_MS });
}

/**
 * Creates what is missing and mends what differs; several services may do it at once. Where somebody else owns the streams
 * (an operator, NACK: NATS_PROVISION=verify), it only compares, and rejects naming everything that is not as it should be.
 */
export async function provision(bus: Bus, options: ProvisionOptions = {}): Promise<Provisioning> {
  const { folder = NATS_FOLDER, patienceMs = PATIENCE_MS } = options;
  const streams = await readConfigs(join(folder, "streams"));
  const consumers = await readConsumers(folder);
  const patient: Patiently = (ask) => untilAnswered(ask, patienceMs);
  if (!bus.streams.mayChange) {
    await verifyStreams(bus, { streams, consumers, patient });
    return { created: [], drifts: [] };
  }
  const results: Provisioned[] = [];
  for (const config of streams) results.push(await patient(() => provisionStream(bus, config)));
  const made = consumers.map((consumer) => patient(() => provisionConsumer(bus, consumer)));
  results.push(...(await Promise.all(made)));
  return {
    created: results.filter(({ isCreated }) => isCreated).map(({ what }) => what),
    drifts: results.flatMap(({ drift }) => drift ?? []),
  };
}

interface WantedConsumer {
  readonly stream: string;
  readonly config: FileConfig;
}

async function readConsumers(folder: string): Promise<readonly WantedConsumer[]> {
  const wanted: WantedConsumer[] = [];
  for (const stream of (await readdir(join(folder, "consumers"))).sort())
    for (const config of await readConfigs(join(folder, "consumers", stream)))
      wanted.push({ stream, config });
  return wanted;
}

async function provisionConsumer(bus: Bus, { stream, config }: WantedConsumer): Promise<Provisioned> {
  const name = String(config.durable_name);
  const what = `consumer ${stream}/${name}`;
  // Copies, since the client library adds fields to what it is given. The server checks it strictly.
  const wanted = () => ({ ...config }) as unknown as ConsumerConfig;
  const found = await orMissing(bus.manager.consumers.info(stream, name));
  if (found === null) {
    await bus.manager.consumers.add(stream, wanted());
    return { what, isCreated: true, drift: null };
  }
  const fields = diff(config, { ...found.config });
  if (fields.length === 0) return { what, isCreated: false, drift: null };
  await mend({ what, fields }, bus.manager.consumers.update(stream, name, wanted()));
  return { what, isCreated: false, drift: { what, fields } };
}

type Patiently = <T>(ask: () => Promise<T>) => Promise<T>;

interface Comparison {
  readonly streams: readonly FileConfig[];
  readonly consumers: readonly WantedConsumer[];
  readonly patient: Patiently;
}

/** Rejects with one fault that names each difference. Descriptions are the owner's own. */
async function verifyStreams(bus: Bus, { streams, consumers, patient }: Comparison): Promise<void> {
  const differences: string[] = [];
  const missing = new Set<string>();
  for (const config of streams) {
    const name = String(config.name);
    const found = await patient(() => orMissing(bus.manager.streams.info(name)));
    if (found === null) missing.add(name);
    const replicas = Math.max(bus.streams.replicas, found?.config.num_replicas ?? 1);
    const wanted = withReplicas(config, replicas);
    differences.push(...compare(`stream ${name}`, wanted, found && { ...found.config }));
  }
  const there = consumers.filter(({ stream }) => !missing.has(stream));
  const compared = there.map(async ({ stream, config }) => {
    const name = String(config.durable_name);
    const found = await patient(() => orMissing(bus.manager.consumers.info(stream, name)));
    return compare(`consumer ${stream}/${name}`, config, found && { ...found.config });
  });
  differences.push(...(await Promise.all(compared)).flat());
  if (differences.length === 0) return;
  const message = "NATS_PROVISION is verify, and NATS does not have what nats/ says";
  throw new Fault("BUS_UNAVAILABLE", `${message}: ${differences.join("; ")}`);
}

function compare(what: string, wanted: FileConfig, found: FileConfig | null): readonly string[] {
  if (found === null) return [`NATS has no ${what}`];
  const fields = diff(wanted, found).filter((field) => field.name !== "description" && !isHarmless(field));
  return fields.length === 0 ? [] : [`${what}: ${describe(fields)}`];
}
