import { Fault } from "@millrace/core";
import type { Bus } from "./connect.ts";

/** Level 4 came with nats-server 2.14: schedules that fire, consumer reset. Older servers accept them and do nothing. */
export const API_LEVEL_MIN = 4;
const MONITOR_TIMEOUT_MS = 3_000;

export interface ServerReport {
  readonly version: string;
  readonly apiLevel: number;
  /** Null when no monitoring address is known, so that nobody could look. */
  readonly doesSyncAlways: boolean | null;
}

/**
 * Refuses a server that is too old, or that acknowledges before it has written to the disk: both would break promises
 * without any error ever showing.
 */
export async function verifyServer(bus: Bus, monitorUrl: string | undefined): Promise<ServerReport> {
  const info = await bus.manager.getAccountInfo();
  const apiLevel = apiLevelOf(info.api);
  const version = bus.connection.info?.version ?? "unknown";
  if (apiLevel < API_LEVEL_MIN)
    throw new Fault(
      "BUS_UNAVAILABLE",
      `nats-server ${version} is too old (JetStream API level ${apiLevel}, needed ${API_LEVEL_MIN}): use 2.14 or newer`,
    );
  const doesSyncAlways = monitorUrl === undefined ? null : await readSyncAlways(monitorUrl);
  if (doesSyncAlways === false)
    throw new Fault(
      "BUS_UNAVAILABLE",
      `nats-server ${version} acknowledges before it syncs to disk: set "sync_interval: always" in its jetstream block (see nats/server.conf)`,
    );
  return { version, apiLevel, doesSyncAlways };
}

function apiLevelOf(api: object): number {
  return "level" in api && typeof api.level === "number" ? api.level : 0;
}

async function readSyncAlways(monitorUrl: string): Promise<boolean> {
  const url = new URL("/jsz", monitorUrl);
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(MONITOR_TIMEOUT_MS) });
    const body = (await response.json()) as { config?: { sync_always?: boolean } };
    return body.config?.sync_always === true; // Absent when the server syncs lazily.
  } catch (error) {
    throw new Fault("BUS_UNAVAILABLE", `the monitoring address of NATS does not answer (${url.host})`, {
      cause: error,
    });
  }
}
