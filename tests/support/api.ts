import { createApp } from "@millrace/api/app";
import type { Dashboard } from "@millrace/api/dashboard/page-files";
import type { EventSink } from "@millrace/api/events/intake";
import type { EventTail } from "@millrace/api/events-query/event-tail";
import type { InFlight } from "@millrace/api/events-query/in-flight";
import { HeardFiles, type LiveFiles } from "@millrace/api/files/live-files";
import type { OverviewBus } from "@millrace/api/overview/sources";
import type { Ports } from "@millrace/api/ports";
import { ensureAdmin } from "@millrace/api/use-cases/ensure-admin";
import { createPorts } from "@millrace/api/wiring";
import type { Fleet } from "@millrace/api/workers/fleet";
import type { Blobs } from "@millrace/blobs";
import { NEVER_OPENED } from "@millrace/core/breaker";
import { createHealth, createLog, createMetrics, type HealthCheck } from "@millrace/observe";
import type { LiveFile } from "@millrace/protocol";
import { type FileQuota, openPool, type Sql } from "@millrace/store";
import { LocalFleet } from "./local-fleet.ts";
import { freshDatabase } from "./servers.ts";

/** The API in this process, on a database of its own, with a clock that a test moves. */
export interface ApiUnderTest {
  readonly ports: Ports;
  readonly sql: Sql;
  readonly databaseUrl: string;
  /** Log lines so far, parsed. */
  readonly lines: readonly Record<string, unknown>[];
  readonly call: Call;
  /** To listen with, and for requests that `call` cannot make. */
  readonly app: ReturnType<typeof createApp>;
  /** What further requests come from; 192.0.2.1 at first. */
  comeFrom(address: string): void;
  advance(ms: number): void;
  /** Another API process on the same database, with the same secret and clock. */
  sibling(more?: ApiOptions): ApiUnderTest;
  close(): Promise<void>;
}

export interface CallOptions {
  /** Sent as JSON; a string or bytes are sent as they are. */
  readonly body?: unknown;
  /** Sent as bearer. */
  readonly token?: string | undefined;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The parsed body; empty when it is not a JSON object. */
  readonly body: Record<string, unknown>;
}

export type Call = (method: string, path: string, options?: CallOptions) => Promise<Answer>;

export interface ApiOptions {
  /** Where files are kept; by default, nowhere. */
  readonly blobs?: Blobs;
  readonly fileQuota?: FileQuota;
  readonly eventTail?: EventTail;
  /** The built page; by default, none. */
  readonly dashboard?: Dashboard;
  /** What the overview hears of other processes; by default, nothing. */
  readonly overviewBus?: OverviewBus;
  /** What is heard of workers; by default, what this process tells itself. */
  readonly fleet?: Fleet;
  readonly isTextIndexed?: boolean;
  readonly eventsInFlight?: () => Promise<InFlight>;
  readonly checks?: Readonly<Record<string, HealthCheck>>;
  readonly isMetricsPublic?: boolean;
  /** Where events go; by default, nowhere. */
  readonly eventSink?: EventSink;
  /** Leads the API to its database by another way. */
  readonly reroute?: (databaseUrl: string) => Promise<string>;
}

const FILE_QUOTA: FileQuota = { filesMax: 1_000, bytesMax: 2 ** 30, perMinuteMax: 1_000 };

/** For APIs that are not asked for files. */
const NO_BLOBS: Blobs = new Proxy({} as Blobs, {
  get: () => {
    throw new Error("this API has no storage; start it with blobs");
  },
});

/** What NATS does, within this process. */
class LocalLiveFiles extends HeardFiles implements LiveFiles {
  tell(fileId: string, told: LiveFile): void {
    this.hear(fileId, told);
  }
}

export const JWT_SECRET = "a secret for tests, long enough to sign with";
const START_MS = Date.UTC(2026, 0, 15, 12);

export async function startApi(options: ApiOptions = {}): Promise<ApiUnderTest> {
  const database = await freshDatabase({ migrated: true });
  const clock = { ms: START_MS };
  const databaseUrl = (await options.reroute?.(database.url)) ?? database.url;
  const api = build(databaseUrl, clock, options);
  return {
    ...api,
    close: async () => {
      await api.close();
      await database.drop();
    },
  };
}

function build(databaseUrl: string, clock: { ms: number }, options: ApiOptions): ApiUnderTest {
  const lines: Record<string, unknown>[] = [];
  const siblings: ApiUnderTest[] = [];
  let address = "192.0.2.1";
  const sql = openPool({ url: databaseUrl, max: 4, applicationName: "millrace-api" });
  const nowMs = () => clock.ms;
  const ports = createPorts({
    log: createLog({
      service: "api",
      level: "DEBUG",
      format: "json",
      destination: { write: (line) => void lines.push(JSON.parse(line)), flush: () => {} },
      now: nowMs,
    }),
    metrics: createMetrics({ service: "api" }),
    health: createHealth({ checks: options.checks ?? {} }),
    isMetricsPublic: options.isMetricsPublic ?? true,
    sql,
    hotSql: sql,
    eventSink: options.eventSink ?? { obstacle: () => undefined, publish: async () => 1 },
    querySql: sql,
    queriesAtOnce: 3,
    isTextIndexed: options.isTextIndexed ?? false,
    eventTail: options.eventTail ?? { watch: () => () => {} },
    eventsInFlight: options.eventsInFlight ?? (async () => ({ messages: 0, first: [] })),
    dispatcher: { publish: async () => {}, tellCancelled: () => {}, tell: () => {} },
    control: {
      tellSchedulesChanged: () => {},
      tellPause: async () => {},
      tellResume: async () => {},
      tellLimitsChanged: async () => {},
      readBreakers: async () => new Map(),
      changeBreaker: async () => NEVER_OPENED,
      readBeats: async () => [],
    },
    orders: { untilHeeded: async () => [] },
    live: { progressOf: () => null, watch: () => () => {} },
    fleet: options.fleet ?? new LocalFleet(),
    heartbeatS: 30,
    dashboard: options.dashboard ?? null,
    overviewBus: options.overviewBus ?? {
      readDepths: async () => [],
      readPauses: async () => [],
      readBreakers: async () => [],
      followDepth: () => {},
      askParts: async () => [],
      followSteps: () => () => {},
      workers: () => [],
    },
    blobs: options.blobs ?? NO_BLOBS,
    fileRules: { quota: options.fileQuota ?? FILE_QUOTA, timeoutS: 120 },
    liveFiles: new LocalLiveFiles(),
    uploadReleases: { ask: async () => "free", hold: () => () => {} },
    draining: new AbortController().signal,
    keepOpen: () => {},
    timeoutS: { short: 30, long: 300 },
    jwtSecret: JWT_SECRET,
    nowMs,
    addressOf: () => address,
  });
  const app = createApp(ports);
  return {
    ports,
    sql,
    databaseUrl,
    lines,
    call: callWith((request) => app.handle(request)),
    app,
    comeFrom: (from) => {
      address = from;
    },
    advance: (ms) => {
      clock.ms += ms;
    },
    sibling: (more = {}) => {
      const sibling = build(databaseUrl, clock, { ...options, ...more });
      siblings.push(sibling);
      return sibling;
    },
    close: async () => {
      for (const sibling of siblings) await sibling.close();
      await sql.end({ timeout: 1 });
    },
  };
}

/** Calls an app in this process, or one that listens somewhere. */
export function callWith(
  handle: (request: Request) => Response | Promise<Response>,
  origin = "http://localhost",
): Call {
  return async (method, path, { body, token, headers = {} } = {}) => {
    const sent = new Headers(headers);
    if (token !== undefined) sent.set("Authorization", `Bearer ${token}`);
    if (body !== undefined && !sent.has("Content-Type")) sent.set("Content-Type", "application/json");
    const init: RequestInit = { method, headers: sent };
    if (body !== undefined) init.body = bodyOf(body);
    const response = await handle(new Request(`${origin}${path}`, init));
    const text = await response.text();
    return { status: response.status, headers: response.headers, text, body: parsed(text) };
  };
}

function bodyOf(body: unknown): string | Uint8Array<ArrayBuffer> {
  if (typeof body === "string") return body;
  return body instanceof Uint8Array ? new Uint8Array(body) : JSON.stringify(body);
}

function parsed(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}

export const PASSWORD = "correct horse battery";

export interface Session {
  readonly accessToken: string;
  readonly refreshToken: string;
}

/** Registers and logs in. */
export async function signUp(call: Call, email: string): Promise<Session> {
  await call("POST", "/api/auth/register", { body: { email, password: PASSWORD } });
  return signIn(call, email);
}

export async function signIn(call: Call, email: string, password = PASSWORD): Promise<Session> {
  const { body, status, text } = await call("POST", "/api/auth/login", { body: { email, password } });
  if (status !== 200) throw new Error(`login answered ${status}: ${text}`);
  return { accessToken: String(body.access_token), refreshToken: String(body.refresh_token) };
}

/** An administrator with the key `ADMIN_KEY`. */
export const ADMIN = {
  email: "admin@example.org",
  password: "an admin's password",
  apiKey: "admin-key-0123456789",
};

export async function signInAdmin(api: ApiUnderTest): Promise<Session> {
  await ensureAdmin(api.ports, ADMIN);
  return signIn(api.call, ADMIN.email, ADMIN.password);
}

/** The machine may be busy with something else for a while. */
const EVENTUALLY_MS_MAX = 15_000;

/** For what happens soon, and nobody waits for: tries until it holds. */
export async function eventually(claim: () => Promise<void>): Promise<void> {
  const deadline = performance.now() + EVENTUALLY_MS_MAX;
  for (;;) {
    try {
      return await claim();
    } catch (error) {
      if (performance.now() >= deadline) throw error;
      await Bun.sleep(5);
    }
  }
}
