import { readdir } from "node:fs/promises";
import { join } from "node:path";

/** `nats/` at the top of the project: the same files that `nats stream add --config` takes. */
export const NATS_FOLDER = new URL("../../nats/", import.meta.url).pathname;

/** A stream or a consumer, as its file has it. */
export type FileConfig = Readonly<Record<string, unknown>>;

export async function readConfigs(folder: string): Promise<readonly FileConfig[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith(".json")).sort();
  return await Promise.all(names.map((name) => readConfig(join(folder, name))));
}

export async function readConfig(path: string): Promise<FileConfig> {
  return (await Bun.file(path).json()) as FileConfig;
}

/**
 * The stream as it is wanted on so many servers. The files say one. NATS refuses `persist_mode: async` on more: there, a
 * majority that has the message is what it waits for.
 */
export function withReplicas(config: FileConfig, replicas: number): FileConfig {
  const { persist_mode: persistMode, ...rest } = config;
  const mode = replicas > 1 || persistMode === undefined ? {} : { persist_mode: persistMode };
  return { ...rest, num_replicas: replicas, ...mode };
}
