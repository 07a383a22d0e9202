import { rmSync } from "node:fs";
import { readIfThere, writePrivate } from "./files.ts";

export interface RunningProcess {
  readonly name: string;
  readonly pid: number;
}

/** What clients on this machine need to know; the shape is part of the contract. */
export interface RunFile {
  readonly api_url: string;
  readonly nats_url: string;
  /** Null when NATS is not ours and NATS_MONITOR_URL is not set. */
  readonly nats_monitor_url: string | null;
  readonly database_url: string;
  readonly admin: { readonly email: string; readonly password: string };
  readonly api_key: string;
  readonly processes: readonly RunningProcess[];
}

export function writeRunFile(path: string, run: RunFile): void {
  writePrivate(path, `${JSON.stringify(run, null, 2)}\n`);
}

export function removeRunFile(path: string): void {
  rmSync(path, { force: true });
}

/** Where the stack of this home is, if it says so. */
export function readApiUrl(path: string): string | undefined {
  try {
    const run: unknown = JSON.parse(readIfThere(path) ?? "null");
    const hasUrl = typeof run === "object" && run !== null && "api_url" in run;
    return hasUrl && typeof run.api_url === "string" ? run.api_url : undefined;
  } catch {
    return undefined;
  }
}
