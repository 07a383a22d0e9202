import { mkdirSync } from "node:fs";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { PRIVATE_FOLDER } from "./files.ts";
import { messageOf, StartFailure } from "./start-failure.ts";

/** Where one stack keeps everything it must not forget: MILLRACE_HOME. Absolute paths. */
export interface Home {
  readonly path: string;
  /** Held by the running stack. */
  readonly lock: string;
  /** What was drawn at random at the first start: passwords, keys. */
  readonly secrets: string;
  /** For clients: where everything is. There only while everything is ready. */
  readonly run: string;
  /** For the next start: which processes a killed stack may have left behind. */
  readonly pids: string;
  readonly logs: string;
  readonly nats: string;
  readonly postgres: string;
}

export function homeAt(folder: string): Home {
  const path = resolve(folder);
  return {
    path,
    lock: join(path, "lock"),
    secrets: join(path, "secrets.json"),
    run: join(path, "run.json"),
    pids: join(path, "pids.json"),
    logs: join(path, "logs"),
    nats: join(path, "nats"),
    postgres: join(path, "postgres"),
  };
}

/** Makes the folders that are missing. A folder that exists keeps its mode: what is secret is secret by file. */
export function makeHome(home: Home): void {
  try {
    for (const folder of [home.path, home.logs, home.nats])
      mkdirSync(folder, { recursive: true, mode: PRIVATE_FOLDER });
  } catch (cause) {
    const advice = "Choose a folder that you may write to with MILLRACE_HOME.";
    throw new StartFailure(`cannot keep anything in ${home.path}: ${messageOf(cause)}`, advice, cause);
  }
}

/** For what can be fetched again, shared by all stacks of a user. */
export function cacheFolder(env: Readonly<Record<string, string | undefined>>): string {
  const given = env.XDG_CACHE_HOME ?? "";
  return join(given.startsWith("/") ? given : join(homedir(), ".cache"), "millrace");
}
