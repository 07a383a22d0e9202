import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { Fault } from "@millrace/core";
import { type ConsumerConfig, JetStreamApiError, type StreamConfig } from "@nats-io/jetstream";
import type { Bus } from "./connect.ts";

/** `nats/` at the top of the project: the same files that `nats stream add --config` takes. */
export const NATS_FOLDER = new URL("../../nats/", import.meta.url).pathname;

export interface Drift {
  /** `stream TASKS` or `consumer TASKS/short-p5`. */
  readonly what: string;
  /** Fields that differ, with what the file says and what the server has. */
  readonly fields: readonly { readonly name: string; readonly wanted: unknown; readonly found: unknown }[];
  /** Set when it stays as it was found, and why. */
  readonly reason?: string;
}

export interface Provisioning {
  readonly created: readonly string[];
  /** Differences found. Mended when `isMended`, else only reported. */
  readonly drifts: readonly Drift[];
}

export interface ProvisionOptions {
  readonly folder?: string;
  /** False: verify only, for places where somebody else (an operator, NACK) owns the streams. */
  readonly mayChange?: boolean;
}

type Config = Readonly<Record<string, unknown>>;

/** Creates what is missing and mends what differs; several services may do it at once. */
export async function provision(bus: Bus, options: ProvisionOptions = {}): Promise<Provisioning> {
  const folder = options.folder ?? NATS_FOLDER;
  const mayChange = options.mayChange ?? true;
  const created: string[] = [];
  const drifts: Drift[] = [];
  const note = (result: Result) => {
    if (result.isCreated) created.push(result.what);
    if (result.drift !== null) drifts.push(result.drift);
  };
  const streams = await readConfigs(join(folder, "streams"));
  for (const config of streams) note(await provisionStream(bus, config, mayChange));
  for (const stream of await readdir(join(folder, "consumers"))) {
    const configs = await readConfigs(join(folder, "consumers", stream));
    for (const result of await Promise.all(
      configs.map((config) => provisionConsumer(bus, { stream, config, mayChange })),
    ))
      note(result);
  }
  return { created, drifts };
}

async function readConfigs(folder: string): Promise<readonly Config[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith(".json")).sort();
  return await Promise.all(names.map(async (name) => (await Bun.file(join(folder, name)).json()) as Config));
}

interface Result {
  readonly what: string;
  readonly isCreated: boolean;
  readonly drift: Drift | null;
}

async function provisionStream(bus: Bus, config: Config, mayChange: boolean): Promise<Result> {
  const name = String(config.name);
  const what = `stream ${name}`;
  // A copy, since the client library adds fields to what it is given. The server checks it strictly.
  const wanted = { ...config } as unknown as StreamConfig;
  const found = await orMissing(bus.manager.streams.info(name));
  if (found === null) {
    if (!mayChange) throw missing(what);
    const { config: made, reason } = await addStream(bus, wanted);
    const refused = diff(config, { ...made }).filter(
      ({ name }) => reason === undefined || name !== "max_bytes",
    );
    if (refused.length > 0)
      throw new Fault("BUS_UNAVAILABLE", `NATS ignored parts of ${what}: ${describe(refused)}`);
    const drift = reason === undefined ? null : { what, fields: diff(config, { ...made }), reason };
    return { what, isCreated: true, drift };
  }
  const fields = diff(config, { ...found.config });
  if (fields.length === 0) return { what, isCreated: false, drift: null };
  const update = (change: StreamConfig) => bus.manager.streams.update(name, change);
  const drift: Drift = { what, fields };
  if (!mayChange) return { what, isCreated: false, drift };
  try {
    await mend(drift, update(wanted));
    return { what, isCreated: false, drift };
  } catch (error) {
    if (!(error instanceof Fault && hasNoRoom(error.cause))) throw error;
    await mend(drift, update({ ...wanted, max_bytes: found.config.max_bytes }));
    return { what, isCreated: false, drift: { ...drift, reason: noRoom(what, found.config.max_bytes) } };
  }
}

/** JetStream sets aside what a stream may grow to: a small disk or account cannot promise it. */
async function addStream(
  bus: Bus,
  wanted: StreamConfig,
): Promise<{ readonly config: StreamConfig; readonly reason?: string }> {
  for (let maxBytes = wanted.max_bytes; ; maxBytes = Math.floor(maxBytes / 2)) {
    try {
      const { config } = await bus.manager.streams.add({ ...wanted, max_bytes: maxBytes });
      if (maxBytes === wanted.max_bytes) return { config };
      return { config, reason: noRoom(`stream ${wanted.name}`, maxBytes) };
    } catch (error) {
      if (!hasNoRoom(error) || maxBytes < 2 * STREAM_BYTES_MIN) throw error;
    }
  }
}

/** A stream that has less refuses so much that nothing works. */
const STREAM_BYTES_MIN = 16 * 1024 * 1024;
/** The account's limit; the server's resources; its storage. */
const NO_ROOM_CODES = new Set([10_002, 10_023, 10_047]);

function hasNoRoom(error: unknown): boolean {
  return error instanceof JetStreamApiError && NO_ROOM_CODES.has(error.code);
}

function noRoom(what: string, bytes: number): string {
  return `NATS has no room for all of ${what}: it gets ${bytes} bytes`;
}

async function provisionConsumer(
  bus: Bus,
  { stream, config, mayChange }: { stream: string; config: Config; mayChange: boolean },
): Promise<Result> {
  const name = String(config.durable_name);
  const what = `consumer ${stream}/${name}`;
  const wanted = { ...config } as unknown as ConsumerConfig;
  const found = await orMissing(bus.manager.consumers.info(stream, name));
  if (found === null) {
    if (!mayChange) throw missing(what);
    await bus.manager.consumers.add(stream, wanted);
    return { what, isCreated: true, drift: null };
  }
  const fields = diff(config, { ...found.config });
  if (fields.length === 0) return { what, isCreated: false, drift: null };
  if (mayChange) await mend({ what, fields }, bus.manager.consumers.update(stream, name, wanted));
  return { what, isCreated: false, drift: { what, fields } };
}

async function mend({ what, fields }: Drift, update: Promise<unknown>): Promise<void> {
  try {
    await update;
  } catch (error) {
    if (!(error instanceof JetStreamApiError)) throw error;
    const wish = "make it again, or change the file";
    const message = `NATS refuses to mend ${what} (${error.message}): ${describe(fields)}; ${wish}`;
    throw new Fault("BUS_UNAVAILABLE", message, { cause: error });
  }
}

function missing(what: string): Fault {
  return new Fault("BUS_UNAVAILABLE", `NATS has no ${what}, and this process may not create it`);
}

const NOT_FOUND_CODES = new Set([10_014, 10_059]); // consumer not found, stream not found

async function orMissing<T>(request: Promise<T>): Promise<T | null> {
  try {
    return await request;
  } catch (error) {
    if (error instanceof JetStreamApiError && NOT_FOUND_CODES.has(error.code)) return null;
    throw error;
  }
}

/** Fields of the file that the server has otherwise. What the file does not name is the server's to choose. */
export function diff(wanted: Config, found: Config): Drift["fields"] {
  return Object.entries(wanted)
    .filter(([name, value]) => !isSame(value, found[name]))
    .map(([name, value]) => ({ name, wanted: value, found: found[name] }));
}

/** The server leaves out what is zero, false or empty. */
function isSame(wanted: unknown, found: unknown): boolean {
  if (found === undefined) return wanted === 0 || wanted === false || wanted === "" || wanted === null;
  return JSON.stringify(wanted) === JSON.stringify(found);
}

function describe(fields: Drift["fields"]): string {
  return fields
    .map(
      ({ name, wanted, found }) => `${name} is ${JSON.stringify(found)} instead of ${JSON.stringify(wanted)}`,
    )
    .join(", ");
}
