import { type Bus, connectBus, provision } from "@millrace/bus";
import { createLog, createMetrics } from "@millrace/observe";
import {
  BATCH_HEADER,
  type BatchRequest,
  encodeBatchHeader,
  eventsSubject,
} from "@millrace/protocol/events/index";
import { EventDays } from "@millrace/recorder/event-days";
import { createRecorderMetrics } from "@millrace/recorder/metrics";
import type { RecorderPorts } from "@millrace/recorder/ports";
import { Progress } from "@millrace/recorder/progress";
import { readMessage } from "@millrace/recorder/read-message";
import { Recorder } from "@millrace/recorder/recorder";
import { openPool, recordBatches, type Sql } from "@millrace/store";
import { headers } from "nats";
import { until } from "./bus.ts";
import { type FreshDatabase, freshDatabase, type NatsUnderTest, startNats } from "./servers.ts";

/** NATS with the product's streams, a database, and what a recorder needs; no process of the product runs. */
export interface EventsGround {
  readonly nats: NatsUnderTest;
  readonly database: FreshDatabase;
  readonly bus: Bus;
  readonly sql: Sql;
  readonly ports: RecorderPorts;
  /** Log lines of the ports, parsed. */
  readonly lines: readonly Record<string, unknown>[];
  /** A recorder in this process; started. Stopped at the end, if not before. */
  record(ports?: RecorderPorts): Recorder;
  /** Resolves when the recorder has acknowledged everything. */
  untilRecorded(deadlineMs?: number): Promise<void>;
  close(): Promise<void>;
}

export interface GroundOptions {
  readonly retentionDays?: number;
  readonly nowMs?: () => number;
  /** Of its pool. */
  readonly statementTimeoutMs?: number;
  /** Instead of a database on the shared server. */
  readonly databaseUrl?: string;
}

export async function startEventsGround(options: GroundOptions = {}): Promise<EventsGround> {
  const nats = await startNats();
  const database =
    options.databaseUrl === undefined
      ? await freshDatabase({ migrated: true })
      : { url: options.databaseUrl, drop: async () => {} };
  const bus = await connectBus({ urls: [nats.url], name: "millrace-test" });
  await provision(bus);
  const sql = openPool({
    ...{ url: database.url, max: 6, applicationName: "test-recorder" },
    ...(options.statementTimeoutMs !== undefined && { statementTimeoutMs: options.statementTimeoutMs }),
  });
  const lines: Record<string, unknown>[] = [];
  const log = createLog({
    service: "recorder",
    level: "DEBUG",
    format: "json",
    destination: { write: (line) => void lines.push(JSON.parse(line)), flush: () => {} },
  });
  const { retentionDays = 30, nowMs = Date.now } = options;
  const ports: RecorderPorts = {
    bus,
    sql,
    upkeepSql: sql,
    log,
    metrics: createRecorderMetrics(createMetrics({ service: "recorder" })),
    progress: new Progress(),
    days: new EventDays({ sql, log, retentionDays, nowMs }),
  };
  const recorders: Recorder[] = [];
  return {
    nats,
    database,
    bus,
    sql,
    ports,
    lines,
    record: (given = ports) => {
      const recorder = new Recorder(given);
      recorder.start();
      recorders.push(recorder);
      return recorder;
    },
    untilRecorded: (deadlineMs) => untilRecorded(bus, deadlineMs),
    close: async () => {
      await Promise.all(recorders.map((recorder) => recorder.stop()));
      await bus.connection.close();
      await sql.end({ timeout: 1 });
      await database.drop();
      await nats.stop();
    },
  };
}

export async function untilRecorded(bus: Bus, deadlineMs = 20_000): Promise<void> {
  await until(
    "all messages are recorded",
    async () => {
      // A consumer hears of a message a moment after its acknowledgement, so pending alone may say 0 too early.
      const { state } = await bus.manager.streams.info("EVENTS");
      const info = await bus.manager.consumers.info("EVENTS", "recorder");
      return info.delivered.stream_seq >= state.last_seq && info.num_pending + info.num_ack_pending === 0;
    },
    deadlineMs,
  );
}

export interface BatchWish {
  readonly instance?: string;
  readonly ordinal: number;
  readonly lines: readonly (string | object)[];
  readonly request?: Partial<BatchRequest>;
  readonly requests?: readonly BatchRequest[];
  readonly voided?: readonly number[];
  readonly voidedEvents?: readonly number[];
  readonly before?: number;
  readonly msgId?: string;
}

export const OWNER = 7;

/** Writes a message as the api does; answers with its sequence. */
export async function publishBatch(bus: Bus, wish: BatchWish): Promise<number> {
  const { instance = "api-test", ordinal, lines, voided = [] } = wish;
  const body = lines.map((line) => (typeof line === "string" ? line : JSON.stringify(line))).join("\n");
  const whole: BatchRequest = {
    ...{ first: 0, count: lines.length, owner: OWNER, at: Date.now(), cid: `cid-${ordinal}` },
    ...{ source: null, rejected: 0, ...wish.request },
  };
  const header = headers();
  const requests = wish.requests ?? [whole];
  const { before, voidedEvents } = wish;
  const batch = { instance, ordinal, voided, events: lines.length, requests };
  header.set(
    BATCH_HEADER,
    encodeBatchHeader({
      ...batch,
      ...(before !== undefined && { before }),
      ...(voidedEvents !== undefined && { voidedEvents }),
    }),
  );
  header.set("Nats-Msg-Id", wish.msgId ?? `${instance}:${ordinal}`);
  const ack = await bus.js.publish(eventsSubject("http"), body, { headers: header });
  return ack.seq;
}

export function eventOf(n: number, overrides: Readonly<Record<string, unknown>> = {}): object {
  return { type: "test.event", message: `event ${n}`, attributes: { n }, ...overrides };
}

export async function countRows(sql: Sql, table: string): Promise<number> {
  const [row] = await sql<{ count: number }[]>`select count(*)::integer as count from ${sql(table)}`;
  return row?.count ?? 0;
}

export interface RecordWish {
  readonly seq: number;
  readonly owner: number;
  /** When the request arrived; epoch ms. */
  readonly at: number;
  readonly lines: readonly object[];
}

/** Stores events as the recorder does, without a stream. */
export async function recordLines(sql: Sql, { seq, owner, at, lines }: RecordWish): Promise<void> {
  const request = { first: 0, count: lines.length, owner, at, cid: "test", source: null, rejected: 0 };
  const batch = { instance: "test", ordinal: seq, voided: [], events: lines.length, requests: [request] };
  const body = Buffer.from(lines.map((line) => JSON.stringify(line)).join("\n"));
  const message = { seq, storedMs: at, header: encodeBatchHeader(batch), body };
  const recorded = await recordBatches(sql, [readMessage(message)]);
  if (recorded[0]?.stored !== lines.length)
    throw new Error(`not all were stored: ${JSON.stringify(recorded)}`);
}
