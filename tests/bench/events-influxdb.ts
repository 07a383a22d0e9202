/** The same events written to InfluxDB over its own HTTP, synced before each answer: what is measured beside ours. */
import { percentile, runLoad } from "../support/http-load.ts";
import { type Influxdb, startInfluxdb } from "../support/influxdb.ts";
import { type BenchEvent, benchBatch, benchEvent, LINES, perSecond } from "./event-lines.ts";

const CONNECTIONS_SINGLE = 128;
const CONNECTIONS_BATCH = 8;

export interface InfluxdbFigures {
  readonly version: string;
  /** Points/s, in requests of 1 000. */
  readonly batches: number;
  /** Points/s, one per request. */
  readonly singles: number;
}

/** The better of two rounds of each; all are told. Undefined where there is no InfluxDB. */
export async function measureInfluxdb(say: (line: string) => void): Promise<InfluxdbFigures | undefined> {
  const server = await startInfluxdb();
  if (server === undefined) {
    say("InfluxDB: not measured; no influxd on the PATH, and no Debian package `influxdb` to be had");
    return undefined;
  }
  try {
    await createDatabase(server);
    await batches(server, 0, () => {});
    const many = [await batches(server, 1, say), await batches(server, 2, say)];
    await singles(server, 5_000, () => {});
    const one = [await singles(server, 20_000, say), await singles(server, 20_000, say)];
    return { version: server.version, batches: Math.max(...many), singles: Math.max(...one) };
  } finally {
    await server.stop();
  }
}

const BATCHES = 300;

async function createDatabase({ url }: Influxdb): Promise<void> {
  const response = await fetch(`${url}/query`, {
    method: "POST",
    body: new URLSearchParams({ q: "create database bench" }),
  });
  if (!response.ok) throw new Error(`InfluxDB makes no database: ${await response.text()}`);
}

/** What one can filter by as tags, the rest as fields: the schema that its own documentation advises. */
function lineOf(event: BenchEvent, timeNs: bigint): string {
  const { method, path, status, duration_ms: durationMs, user } = event.attributes;
  const fields = `message="${event.message}",method="${method}",path="${path}",status=${status}i,duration_ms=${durationMs},user="${user}"`;
  return `events,type=${event.type},level=${event.level},source=${event.source} ${fields} ${timeNs}`;
}

/** Points of equal tags and time replace each other, so that each gets a time of its own. */
let clockNs = BigInt(Date.now()) * 1_000_000n;

function bodyOf(events: readonly BenchEvent[]): Buffer {
  return Buffer.from(events.map((event) => lineOf(event, clockNs++)).join("\n"));
}

async function batches(server: Influxdb, round: number, say: (line: string) => void): Promise<number> {
  const bodies = Array.from({ length: BATCHES }, (_, n) => bodyOf(benchBatch(round * BATCHES + n)));
  const report = await runLoad({
    url: server.url,
    path: "/write?db=bench",
    headers: { "Content-Type": "text/plain" },
    connections: CONNECTIONS_BATCH,
    requests: BATCHES,
    body: (n) => bodies[n] ?? "",
  });
  const rate = report.requestsPerSecond * LINES;
  say(
    `InfluxDB ${server.version}, ${LINES} points of ${Math.round((bodies[0]?.length ?? 0) / LINES)} bytes per write, ${CONNECTIONS_BATCH} connections: ${perSecond(rate)} points/s${unexpected(report.statuses)}`,
  );
  return rate;
}

async function singles(server: Influxdb, requests: number, say: (line: string) => void): Promise<number> {
  const report = await runLoad({
    url: server.url,
    path: "/write?db=bench",
    headers: { "Content-Type": "text/plain" },
    connections: CONNECTIONS_SINGLE,
    requests,
    body: (n) => bodyOf([benchEvent(n, Date.now())]),
  });
  say(
    `InfluxDB ${server.version}, one point per write, ${CONNECTIONS_SINGLE} connections: ${perSecond(report.requestsPerSecond)} requests/s, p50 ${percentile(report.latenciesMs, 0.5).toFixed(1)} ms${unexpected(report.statuses)}`,
  );
  return report.requestsPerSecond;
}

function unexpected(statuses: ReadonlyMap<number, number>): string {
  const others = [...statuses].filter(([status]) => status !== 204);
  return others.length === 0 ? "" : `, NOT 204: ${JSON.stringify(others)}`;
}
