/**
 * Events on their way down: out of the stream into PostgreSQL, by the recorder as the stack runs it, beside a bare COPY of
 * the same rows into the same table; then the whole way, while events come in over HTTP. Everything durable.
 */
import { readEventsState } from "@millrace/bus";
import { readMessage } from "@millrace/recorder/read-message";
import { copyEvents, migrate, openPool, type Sql } from "@millrace/store";
import { cpuSeconds } from "../support/cpu-time.ts";
import { type EventsGround, publishBatch, startEventsGround, untilRecorded } from "../support/events.ts";
import { runLoad } from "../support/http-load.ts";
import { startRecorderProcess } from "../support/recorder-process.ts";
import { type RunningStack, startStack, untilTrue } from "../support/running-stack.ts";
import { startPostgres } from "../support/servers.ts";
import { cpuByProcess, perEvent } from "./cpu-by-process.ts";
import { asNdjson, benchBatch, LINES, perSecond } from "./event-lines.ts";

const DRAINED = 600;
const COPY_CONNECTIONS = 3;

/** Paced load: more than the 120 000 events/s that have to get through, less than what fills both cores. */
const PACE = 130_000;
const PACED_REQUESTS = (PACE / LINES) * 20;

export interface Stored {
  /** Rows/s of a bare COPY into the same table. */
  readonly copied: number;
  /** Events/s of the recorder, out of a stream that was full. */
  readonly drained: number;
  /** Events/s from the first request to the last row. */
  readonly wholeWay: number;
}

export async function measureStored(say: (line: string) => void): Promise<Stored> {
  const { copied, drained } = await measureDrain(say);
  const stack = await startStack({ LOG_LEVEL: "WARNING" });
  try {
    await wholeWay(stack, { requests: 200 }, () => {});
    const rates = [
      await wholeWay(stack, { requests: 2_000 }, say),
      await wholeWay(stack, { requests: 2_000 }, say),
    ];
    await wholeWay(stack, { requests: PACED_REQUESTS, requestsPerSecond: PACE / LINES }, say);
    return { copied, drained, wholeWay: Math.max(...rates) };
  } finally {
    await stack.stop();
  }
}

async function measureDrain(say: (line: string) => void): Promise<Omit<Stored, "wholeWay">> {
  const postgres = await startPostgres();
  await migrate(postgres.url);
  const ground = await startEventsGround({ databaseUrl: postgres.url });
  try {
    await fillStream(ground, 1, DRAINED / 4);
    await drain(ground, { databaseUrl: postgres.url, postgresPid: postgres.pid }, () => {});
    await ground.sql`truncate events, event_rollups, event_rollups_hourly, event_counts`;
    await bareCopy(ground.sql, 100); // Warms up.
    await ground.sql`truncate events`;
    const copied = await bareCopy(ground.sql, DRAINED);
    say(`bare COPY of ${DRAINED * LINES} rows, ${COPY_CONNECTIONS} connections: ${perSecond(copied)} rows/s`);
    await ground.sql`truncate events`;
    await fillStream(ground, 1 + DRAINED, DRAINED);
    const drained = await drain(ground, { databaseUrl: postgres.url, postgresPid: postgres.pid }, say);
    say(`drain of the stream, ledger and rollups included: ${perSecond(drained)} events/s`);
    return { copied, drained };
  } finally {
    await ground.close();
    await postgres.stop();
  }
}

async function fillStream({ bus }: EventsGround, firstOrdinal: number, messages: number): Promise<void> {
  for (let start = 0; start < messages; start += 20) {
    const ordinals = Array.from(
      { length: Math.min(20, messages - start) },
      (_, n) => firstOrdinal + start + n,
    );
    await Promise.all(ordinals.map((ordinal) => publishBatch(bus, { ordinal, lines: benchBatch(ordinal) })));
  }
}

async function bareCopy(sql: Sql, messages: number): Promise<number> {
  const batches = Array.from({ length: messages }, (_, n) => rowsOf(n));
  const startedMs = performance.now();
  let next = 0;
  const copy = async (): Promise<void> => {
    // As many rows in a transaction as the recorder has.
    for (let at = next; at < batches.length; at = next) {
      next += 15;
      const rows = batches.slice(at, next);
      await sql.begin((transaction) =>
        copyEvents(transaction, rows, async () => void (await transaction`select 1`)),
      );
    }
  };
  await Promise.all(Array.from({ length: COPY_CONNECTIONS }, copy));
  return (messages * LINES * 1_000) / (performance.now() - startedMs);
}

function rowsOf(batch: number): Uint8Array {
  const body = asNdjson(benchBatch(batch));
  return readMessage({ seq: batch + 1, storedMs: Date.now(), header: undefined, body }).rows;
}

async function drain(
  ground: EventsGround,
  { databaseUrl, postgresPid }: { readonly databaseUrl: string; readonly postgresPid: number },
  say: (line: string) => void,
): Promise<number> {
  const { unrecorded } = await readEventsState(ground.bus);
  const pgBefore = cpuSeconds(postgresPid);
  const recorder = await startRecorderProcess("recorder", { databaseUrl, nats: ground.nats });
  await untilRecorded(ground.bus, 120_000);
  const pg = cpuSeconds(postgresPid) - pgBefore;
  const own = cpuSeconds(recorder.pid);
  await recorder.stop();
  const [took] = await ground.sql<{ seconds: number; transactions: number }[]>`
    select extract(epoch from max(recorded_at) - min(recorded_at))::float8 as seconds, count(distinct recorded_at)::integer as transactions
    from (select * from event_batches order by stream_seq desc limit ${unrecorded}) last`;
  const events = unrecorded * LINES;
  say(
    `  CPU per event in µs: recorder ${micros(own, events)} (its start included), PostgreSQL ${micros(pg, events)}`,
  );
  return events / (took?.seconds ?? Number.NaN);
}

interface Way {
  readonly requests: number;
  /** As fast as they are taken, when absent. */
  readonly requestsPerSecond?: number;
}

/** From the first request to the last row; stored while they come in. */
async function wholeWay(stack: RunningStack, way: Way, say: (line: string) => void): Promise<number> {
  const { api_url: url, api_key: key, database_url: databaseUrl } = await stack.run();
  const sql = openPool({ url: databaseUrl, max: 1, applicationName: "bench" });
  const bodies = Array.from({ length: 16 }, (_, which) => asNdjson(benchBatch(which)));
  const stored = async (): Promise<number> =>
    (await sql<{ events: number }[]>`select coalesce(sum(stored), 0)::bigint as events from event_batches`)[0]
      ?.events ?? 0;
  const before = await stored();
  const cpuBefore = await cpuByProcess(stack);
  const startedMs = performance.now();
  const report = await runLoad({
    url,
    path: "/api/events",
    headers: { Authorization: `Bearer ${key}`, "Content-Type": "application/x-ndjson" },
    connections: 4,
    ...way,
    body: (n) => bodies[n % bodies.length] ?? "",
  });
  const events = way.requests * LINES;
  const takenMs = performance.now() - startedMs;
  const atEnd = (await stored()) - before;
  await untilTrue(async () => (await stored()) - before >= events, 120_000, "everything is stored");
  const seconds = (performance.now() - startedMs) / 1_000;
  const cpu = await cpuByProcess(stack);
  await sql.end();
  const pace = way.requestsPerSecond === undefined ? "as fast as taken" : "at a steady pace";
  say(
    `the whole way, ${events} events in requests of ${LINES}, ${pace}: taken at ${perSecond(report.requestsPerSecond * LINES)}/s, ${perSecond((atEnd * 1_000) / takenMs)}/s stored meanwhile, the last ${(seconds - takenMs / 1_000).toFixed(1)} s after it was taken: ${perSecond(events / seconds)} events/s`,
  );
  say(`  CPU per event in µs: ${perEvent(cpuBefore, cpu, events)}`);
  return events / seconds;
}

function micros(seconds: number, events: number): string {
  return ((seconds * 1e6) / events).toFixed(2);
}
