import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import { Fault } from "@millrace/core";
import type { Bus } from "./connect.ts";
import { START_PATIENCE_MS, untilAnswered } from "./jetstream-answers.ts";

/** Level 4 came with nats-server 2.14: schedules that fire, consumer reset. Older servers accept them and do nothing. */
export const API_LEVEL_MIN = 4;
const MONITOR_TIMEOUT_MS = 3_000;

export interface ServerReport {
  readonly version: string;
  readonly apiLevel: number;
  /** Null when no monitoring address is known, so that nobody could look. */
  readonly doesSyncAlways: boolean | null;
  /** Monitoring addresses that did not answer, while others did: those servers were not looked at. */
  readonly unseen: readonly string[];
}

/**
 * Refuses servers that are too old, or that acknowledge before they have written to the disk: both would break promises
 * without any error ever showing. Of a cluster each server is asked that is known by its monitoring address; one that is
 * down is no reason to refuse the others, and all of them are.
 */
export async function verifyServer(bus: Bus, monitorUrls: readonly string[] = []): Promise<ServerReport> {
  // While a cluster elects the one who knows of accounts, nobody answers.
  const info = await untilAnswered(() => bus.manager.getAccountInfo(), START_PATIENCE_MS);
  const apiLevel = apiLevelOf(info.api);
  const version = bus.connection.info?.version ?? "unknown";
  if (apiLevel < API_LEVEL_MIN) throw tooOld(`nats-server ${version}`, apiLevel);
  if (monitorUrls.length === 0) return { version, apiLevel, doesSyncAlways: null, unseen: [] };
  const unseen = await verifyEach(monitorUrls);
  return { version, apiLevel, doesSyncAlways: true, unseen };
}

function tooOld(server: string, apiLevel: number): Fault {
  const levels = `JetStream API level ${apiLevel}, needed ${API_LEVEL_MIN}`;
  return new Fault("BUS_UNAVAILABLE", `${server} is too old (${levels}): use 2.14 or newer`);
}

function apiLevelOf(api: object): number {
  return "level" in api && typeof api.level === "number" ? api.level : 0;
}

/** @returns those that did not answer, when at least one did. */
async function verifyEach(monitorUrls: readonly string[]): Promise<readonly string[]> {
  const urls = (await Promise.all(monitorUrls.map(addressesOf))).flat();
  const answers = await Promise.allSettled(urls.map(readJetStream));
  const unseen: string[] = [];
  let silence: unknown;
  for (const [index, answer] of answers.entries()) {
    const url = urls[index];
    if (url === undefined) continue;
    if (answer.status === "fulfilled") requireSafe(url, answer.value);
    else {
      unseen.push(url.host);
      silence = answer.reason;
    }
  }
  if (unseen.length < urls.length) return unseen;
  throw new Fault(
    "BUS_UNAVAILABLE",
    `the monitoring address of NATS does not answer (${unseen.join(", ")})`,
    { cause: silence },
  );
}

/** A name may stand for several servers, as a headless service of Kubernetes does; with TLS, a name is what they go by. */
async function addressesOf(monitorUrl: string): Promise<readonly URL[]> {
  const url = new URL("/jsz", monitorUrl);
  const host = url.hostname.replace(/^\[|\]$/g, "");
  if (url.protocol !== "http:" || isIP(host) !== 0) return [url];
  const found = await lookup(host, { all: true }).catch(() => []);
  if (found.length < 2) return [url];
  return found.map(({ address, family }) => {
    const one = new URL(url);
    one.hostname = family === 6 ? `[${address}]` : address;
    return one;
  });
}

interface JetStream {
  readonly api?: { readonly level?: number };
  readonly config?: { readonly sync_always?: boolean };
}

async function readJetStream(url: URL): Promise<JetStream> {
  const response = await fetch(url, { signal: AbortSignal.timeout(MONITOR_TIMEOUT_MS) });
  return (await response.json()) as JetStream;
}

function requireSafe({ host }: URL, { api, config }: JetStream): void {
  const apiLevel = apiLevelOf(api ?? {});
  if (config?.sync_always !== true)
    // Absent when the server syncs lazily.
    throw new Fault(
      "BUS_UNAVAILABLE",
      `the nats-server at ${host} acknowledges before it syncs to disk: set "sync_interval: always" in its jetstream block (see nats/server.conf)`,
    );
  if (apiLevel < API_LEVEL_MIN) throw tooOld(`the nats-server at ${host}`, apiLevel);
}
