import { Fault } from "@millrace/core";
import { type JetStreamClient, type JetStreamManager, jetstream, jetstreamManager } from "@nats-io/jetstream";
import { connect, type NatsConnection } from "nats";

export interface Bus {
  readonly connection: NatsConnection;
  readonly js: JetStreamClient;
  readonly manager: JetStreamManager;
  /** Resolves when the connection is closed for good. */
  readonly closed: Promise<Error | undefined>;
  /** Whether deliveries tell of the traces that their messages belong to. */
  readonly isTraced?: boolean;
  readonly streams: StreamRules;
}

/** How this process treats the streams, the buckets' too. */
export interface StreamRules {
  /** On how many servers each message shall be: NATS_REPLICAS. */
  readonly replicas: number;
  /** False: somebody else owns the streams, and we only compare (NATS_PROVISION=verify). */
  readonly mayChange: boolean;
}

export interface BusOptions {
  /** `nats://user:password@host:port`; the credentials of the first one serve for all. */
  readonly urls: readonly string[];
  /** Shown in the server's list of connections: `millrace-worker`. */
  readonly name: string;
  /** How long to wait for the first connection, and for a JetStream that answers. */
  readonly timeoutMs?: number;
  readonly onStatus?: (status: BusStatus) => void;
  /** Absent: headers of traces are not read. */
  readonly isTraced?: boolean;
  /** One replica, which may be made and mended, when absent. */
  readonly streams?: StreamRules;
}

export type BusStatus = "connected" | "disconnected";

/** Servers that start together need up to ten seconds for their first election. */
const CONNECT_TIMEOUT_MS = 30_000;
/** One server: of several, another one may answer meanwhile. */
const DIAL_MS_MAX = 3_000;
const RETRY_PAUSE_MS = 200;
const RECONNECT_PAUSE_MS = 250;
/** A server that vanished without closing the connection is noticed after two silent pings. */
const PING_INTERVAL_MS = 5_000;

/**
 * Connects, and stays: a lost connection is tried again for ever. What is published meanwhile is thrown away by the
 * client library, so every publisher waits for an answer and repeats with the same message id.
 */
export async function connectBus(options: BusOptions): Promise<Bus> {
  const deadline = Date.now() + (options.timeoutMs ?? CONNECT_TIMEOUT_MS);
  const connection = await connectUntil(options, deadline);
  void watchStatus(connection, options.onStatus);
  const manager = await managerUntil(connection, deadline);
  const { streams = { replicas: 1, mayChange: true }, isTraced = false } = options;
  return {
    connection,
    js: jetstream(connection),
    manager,
    closed: closedReason(connection),
    streams,
    isTraced,
  };
}

async function closedReason(connection: NatsConnection): Promise<Error | undefined> {
  const reason = await connection.closed();
  return reason instanceof Error ? reason : undefined;
}

async function connectUntil(options: BusOptions, deadline: number): Promise<NatsConnection> {
  const servers = options.urls.map(withoutCredentials);
  const [user, pass] = credentialsOf(options.urls[0] ?? "");
  for (;;) {
    try {
      return await connect({
        servers,
        name: options.name,
        ...(user !== undefined && { user }),
        ...(pass !== undefined && { pass }),
        timeout: DIAL_MS_MAX,
        maxReconnectAttempts: -1,
        reconnectTimeWait: RECONNECT_PAUSE_MS,
        pingInterval: PING_INTERVAL_MS,
        maxPingOut: 2,
      });
    } catch (error) {
      if (Date.now() >= deadline)
        throw new Fault("BUS_UNAVAILABLE", "NATS cannot be reached", { cause: error });
      await Bun.sleep(RETRY_PAUSE_MS);
    }
  }
}

function credentialsOf(server: string): [string | undefined, string | undefined] {
  const match = /^[a-z]+:\/\/([^@/]*)@/i.exec(server);
  const [user, pass] = match?.[1]?.split(":").map(decodeURIComponent) ?? [];
  return [user, pass];
}

function withoutCredentials(server: string): string {
  return server.replace(/^([a-z]+:\/\/)[^@/]*@/i, "$1");
}

/** A cluster without a leader answers nothing for some seconds after its start. */
async function managerUntil(connection: NatsConnection, deadline: number): Promise<JetStreamManager> {
  for (;;) {
    try {
      return await jetstreamManager(connection);
    } catch (error) {
      if (Date.now() < deadline) {
        await Bun.sleep(RETRY_PAUSE_MS);
        continue;
      }
      await connection.close();
      throw new Fault("BUS_UNAVAILABLE", "NATS answers, but its JetStream does not", { cause: error });
    }
  }
}

async function watchStatus(connection: NatsConnection, onStatus: BusOptions["onStatus"]): Promise<void> {
  for await (const status of connection.status()) {
    if (status.type === "disconnect") onStatus?.("disconnected");
    if (status.type === "reconnect") onStatus?.("connected");
  }
}

const CHECK_TIMEOUT_MS = 2_000;
/** A process that goes over to another server of the cluster is as ready as before; it takes some tenths of a second. */
const GOING_OVER_MS_MAX = 1_000;
const GOING_OVER_PAUSE_MS = 50;

/** For health checks: a round trip to a server, or a fault. */
export async function checkBus(bus: Bus): Promise<void> {
  if (bus.connection.isClosed()) throw new Fault("BUS_UNAVAILABLE", "the connection to NATS is closed");
  const timeout = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => timeout.reject(new Fault("BUS_UNAVAILABLE", "NATS does not answer")),
    CHECK_TIMEOUT_MS,
  );
  try {
    await Promise.race([roundTrip(bus), timeout.promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** Again, while the connection is lost: but not for long. */
async function roundTrip({ connection }: Bus): Promise<void> {
  const endMs = performance.now() + GOING_OVER_MS_MAX;
  for (;;) {
    try {
      return await connection.flush();
    } catch (error) {
      if (connection.isClosed() || performance.now() > endMs) throw error;
      await Bun.sleep(GOING_OVER_PAUSE_MS);
    }
  }
}

/** What a drain may take. A server that does not answer is not waited for: what it was told is lost or repeated anyway. */
const CLOSE_MS_MAX = 1_500;

/** Ends the connection, once the server has all that was published. Never rejects. */
export async function closeBus(bus: Bus): Promise<void> {
  const late = Promise.withResolvers<void>();
  const timer = setTimeout(late.resolve, CLOSE_MS_MAX);
  await Promise.race([bus.connection.drain().catch(() => {}), late.promise]);
  clearTimeout(timer);
  await bus.connection.close().catch(() => {});
}
