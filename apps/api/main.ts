/** The API process: reads the configuration, connects, listens, and drains when told to stop. */
import { type Blobs, openBlobs } from "@millrace/blobs";
import {
  answerForOrders,
  type Bus,
  ConnectionState,
  checkBus,
  closeBus,
  connectBus,
  DispatchPublisher,
  EventPublisher,
  LiveTeller,
  provisionAtStart,
  tellCancelled,
  UploadReleases,
  verifyServer,
} from "@millrace/bus";
import { type Config, formatProblems, readConfig } from "@millrace/config";
import { EVENT_QUERY_MS_MAX } from "@millrace/core/limits";
import {
  createHealth,
  createLog,
  createMetrics,
  groupSizes,
  type Health,
  type Log,
  type Metrics,
  openTracing,
  publishTracer,
  registerDiskMetrics,
  registerNatsMetrics,
  type Tracing,
} from "@millrace/observe";
import { noteMarks, openPool, type Sql } from "@millrace/store";
import { openAlerts } from "./alerts/open-alerts.ts";
import type { ApiAlerts } from "./alerts/start-alerts.ts";
import { createApp } from "./app.ts";
import { busControl } from "./control.ts";
import { openDashboard } from "./dashboard/page-files.ts";
import { startMarkTeller } from "./events/mark-teller.ts";
import { BusEventTail } from "./events-query/event-tail.ts";
import { readInFlight } from "./events-query/in-flight.ts";
import { yieldCores } from "./events-query/yield-cores.ts";
import { BusLiveFiles } from "./files/live-files.ts";
import { callerBehind } from "./http/client-address.ts";
import { BusLiveTasks } from "./live/live-tasks.ts";
import { busOrders } from "./orders.ts";
import { answerAsPart } from "./overview/answer-as-part.ts";
import { connectOverview, type OverviewBus } from "./overview/sources.ts";
import type { FileRules, Ports } from "./ports.ts";
import { type Listening, serve } from "./serve.ts";
import type { Dispatcher } from "./tasks/intake.ts";
import { ensureAdmin } from "./use-cases/ensure-admin.ts";
import { createPorts } from "./wiring.ts";
import { busFleet } from "./workers/fleet.ts";

const POOL_CONNECTIONS_MAX = 10;
/** Group commits need two at a time; atomic batches and single steps share the rest. */
const HOT_CONNECTIONS_MAX = 6;
/** No query of a request may take longer; the client has given up by then. */
const STATEMENT_TIMEOUT_MS = 10_000;
/** How long open queries may take to end, after the last response. */
const POOL_END_S = 2;
/** As pg_stat_activity shows it. */
const QUERY_POOL = "millrace-api-queries";

/** How long a database that is away may hold up the end; what is not told then is not audited. */
const LAST_MARK_MS_MAX = 2_000;

type ApiConfig = Config & {
  readonly databaseUrl: string;
  readonly natsUrls: readonly string[];
  readonly jwtSecret: string;
};

async function main(): Promise<void> {
  const reading = readConfig(process.env, ["databaseUrl", "natsUrls", "jwtSecret"]);
  if (!reading.ok) {
    process.stderr.write(
      `the API cannot start, its configuration is wrong:\n${formatProblems(reading.problems)}\n`,
    );
    process.exit(2);
  }
  const { config } = reading;
  const format = config.logFormat ?? (process.stdout.isTTY ? "pretty" : "json");
  const log = createLog({ service: "api", level: config.logLevel, format });
  for (const { name, message } of reading.warnings) log.warning(`${name} ${message}`);
  try {
    await run(config, log);
  } catch (error) {
    log.critical("the API cannot start", { error });
    process.exit(1);
  }
}

interface Connections {
  readonly bus: Bus;
  readonly publisher: DispatchPublisher;
  readonly eventPublisher: EventPublisher;
  readonly alerts: ApiAlerts;
  readonly stopMarks: () => Promise<void>;
  readonly sql: Sql;
  readonly hotSql: Sql;
  readonly querySql: Sql;
  readonly tracing: Tracing | undefined;
}

async function connect(config: ApiConfig, log: Log, metrics: Metrics): Promise<Connections> {
  const tracing = await openTracing(config, { service: "api", instance: crypto.randomUUID(), log, metrics });
  const bus = await connectBus({
    urls: config.natsUrls,
    name: "millrace-api",
    streams: { replicas: config.natsReplicas, mayChange: config.natsProvision === "apply" },
  });
  registerNatsMetrics(metrics, new ConnectionState(bus));
  registerDiskMetrics(metrics, config.home);
  await verifyServer(bus, config.natsMonitorUrls);
  for (const drift of (await provisionAtStart(bus)).drifts)
    log.warning(drift.reason ?? "NATS was configured otherwise, and is mended", { drift });
  const pool = { url: config.databaseUrl, statementTimeoutMs: STATEMENT_TIMEOUT_MS };
  const sql = openPool({ ...pool, max: POOL_CONNECTIONS_MAX, applicationName: "millrace-api" });
  const eventPublisher = new EventPublisher(bus, { trace: publishTracer(tracing) });
  return {
    bus,
    publisher: new DispatchPublisher(bus, groupSizes(metrics, "publish"), publishTracer(tracing)),
    tracing,
    alerts: await openAlerts(config, { bus, log, metrics }),
    eventPublisher,
    stopMarks: startMarkTeller(eventPublisher, (marks) => noteMarks(sql, marks)),
    sql,
    hotSql: openPool({
      ...pool,
      max: HOT_CONNECTIONS_MAX,
      applicationName: "millrace-api-tasks",
      isByKey: true,
    }),
    querySql: openPool({
      ...{ url: config.databaseUrl, max: config.eventQueriesAtOnce },
      ...{ statementTimeoutMs: EVENT_QUERY_MS_MAX, applicationName: QUERY_POOL },
    }),
  };
}

function yieldQueries(sql: Sql, niceness: number): (() => Promise<void>) | undefined {
  if (niceness === 0) return undefined;
  return yieldCores({ sql, applicationName: QUERY_POOL, niceness, nowMs: Date.now });
}

function addressesFor({ trustedProxies }: Config, peerOf: Ports["addressOf"]): Ports["addressOf"] {
  const callerOf = callerBehind(trustedProxies);
  return (request) => callerOf(peerOf(request), request.headers.get("x-forwarded-for"));
}

async function run(config: ApiConfig, log: Log): Promise<void> {
  const metrics = createMetrics({ service: "api" });
  const connections = await connect(config, log, metrics);
  const { bus, sql, hotSql, querySql } = connections;
  const draining = new AbortController();
  const teller = new LiveTeller(bus, "api");
  const blobs = await openBlobs(config);
  const overviewBus = await connectOverview(bus);
  const ports = createPorts({
    log,
    metrics,
    tracing: connections.tracing,
    health: healthOf({ sql, bus, blobs }),
    isMetricsPublic: config.metricsEnabled,
    sql,
    hotSql,
    dispatcher: dispatcherOf(connections, teller),
    eventSink: connections.eventPublisher,
    ...{ querySql, queriesAtOnce: config.eventQueriesAtOnce },
    yieldQueries: yieldQueries(querySql, config.eventQueryNice),
    isTextIndexed: config.eventSearch === "trigram",
    eventTail: new BusEventTail(bus),
    eventsInFlight: () => readInFlight(bus),
    live: new BusLiveTasks(bus),
    overviewBus,
    alerts: connections.alerts.board,
    fleet: await busFleet(bus, { list: overviewBus.workers, teller }),
    heartbeatS: config.heartbeatIntervalS,
    dashboard: config.dashboardFolder === undefined ? null : openDashboard(config.dashboardFolder),
    ...steeringOf(connections, overviewBus),
    blobs,
    fileRules: fileRulesOf(config),
    liveFiles: new BusLiveFiles(bus),
    uploadReleases: new UploadReleases(bus),
    draining: draining.signal,
    keepOpen: (request) => app.server?.timeout(request, 0),
    timeoutS: { short: config.shortTimeoutS, long: config.taskTimeoutS },
    jwtSecret: config.jwtSecret,
    nowMs: Date.now,
    addressOf: addressesFor(config, (request) => app.server?.requestIP(request)?.address),
  });
  const { adminEmail: email, adminPassword: password, adminApiKey: apiKey } = config;
  if (email !== undefined && password !== undefined) await ensureAdmin(ports, { email, password, apiKey });
  tellOthers(connections, ports);
  const app = createApp(ports);
  const listening = serve(app, { host: config.apiHost, port: config.apiPort });
  log.info("listening", { url: listening.url, port: listening.port });
  onStopSignal((signal) => {
    log.info("draining", { signal, notice_s: config.drainNoticeS });
    ports.health.drain();
    draining.abort();
    return drain({ ports, connections, teller, listening, noticeS: config.drainNoticeS });
  });
}

/** A lease reads what may start in the database: whoever orders waits for those that are under way. */
async function heedAtDesk({ workerDesk }: Ports): Promise<boolean> {
  await workerDesk.leases.settled();
  return true;
}

/** How this process is, when it is asked; and with each pulse, how attempts ended of which only it heard. */
function tellOthers({ bus, alerts }: Connections, ports: Ports): void {
  answerAsPart(bus, ports);
  answerForOrders(bus, alerts.instance, () => heedAtDesk(ports));
  alerts.tellFacts(() => ports.workerDesk.metrics.outcomes());
}

function steeringOf(
  { bus, alerts }: Connections,
  { workers }: OverviewBus,
): Pick<Ports, "control" | "orders"> {
  return { control: busControl(bus), orders: busOrders(bus, { workers, apis: alerts.apis }) };
}

function dispatcherOf({ bus, publisher }: Connections, teller: LiveTeller): Dispatcher {
  return {
    publish: (messages) => publisher.publish(messages),
    tellCancelled: (notice) => tellCancelled(bus, notice),
    tell: (step) => teller.tell(step),
  };
}

function healthOf({ sql, bus, blobs }: Pick<Connections, "sql" | "bus"> & { readonly blobs: Blobs }): Health {
  return createHealth({
    checks: {
      postgres: async () => void (await sql`select 1`),
      nats: () => checkBus(bus),
      storage: () => blobs.checkHealth(),
    },
  });
}

function fileRulesOf(config: ApiConfig): FileRules {
  const { userFilesMax: filesMax, userFileBytesMax: bytesMax, userUploadsPerMinute: perMinuteMax } = config;
  return { quota: { filesMax, bytesMax, perMinuteMax }, timeoutS: config.fileTimeoutS };
}

interface Draining {
  readonly ports: Ports;
  readonly connections: Connections;
  readonly teller: LiveTeller;
  readonly listening: Listening;
  readonly noticeS: number;
}

/**
 * For `noticeS` it still answers, saying that it is not ready, and ends each connection after its answer: so that nobody
 * sends a request on one that is just being closed. Then it finishes what has begun: requests first, then what they wrote,
 * then the connections.
 */
async function drain({ ports, connections, teller, listening, noticeS }: Draining): Promise<void> {
  const { bus, publisher, sql, hotSql, querySql } = connections;
  await Bun.sleep(noticeS * 1_000);
  const { isClean } = await listening.stop();
  await Promise.all([ports.workerDesk.drain(), ports.intake.drain(), ports.eventIntake.drain()]);
  await publisher.drain();
  await Promise.race([connections.stopMarks(), Bun.sleep(LAST_MARK_MS_MAX)]);
  connections.alerts.stop();
  teller.flush();
  await closeBus(bus);
  await Promise.all([sql, hotSql, querySql].map((pool) => pool.end({ timeout: POOL_END_S })));
  await ports.tracing?.stop();
  ports.log.info("stopped", { cut_off: !isClean });
  ports.log.flush();
  process.exit(0);
}

/** The first signal drains; a second one, from somebody who does not want to wait, ends the process at once. */
function onStopSignal(drain: (signal: string) => Promise<void>): void {
  let isDraining = false;
  for (const signal of ["SIGTERM", "SIGINT"] as const)
    process.on(signal, () => {
      if (isDraining) process.exit(1);
      isDraining = true;
      void drain(signal);
    });
}

await main();
