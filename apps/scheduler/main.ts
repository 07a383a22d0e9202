import { openBlobs } from "@millrace/blobs";
import {
  answerForPart,
  ConnectionState,
  checkBus,
  closeBus,
  connectBus,
  DispatchPublisher,
  LiveTeller,
  openWorkersBucket,
  provisionAtStart,
  verifyServer,
  WorkerRegistry,
} from "@millrace/bus";
import { formatProblems, readConfig } from "@millrace/config";
import { overriddenRules } from "@millrace/core/alerts/index";
import {
  AlertWebhook,
  alertTeller,
  createHealth,
  createLog,
  createMetrics,
  groupSizes,
  openTracing,
  publishTracer,
  registerDiskMetrics,
  registerNatsMetrics,
  startHealthServer,
} from "@millrace/observe";
import { EndTeller, openPool } from "@millrace/store";
import { type Alerts, startAlerts } from "./alerts/start-alerts.ts";
import { Duty } from "./duty.ts";
import { createStoreGauges, MEASURE_EVERY_MS, measure } from "./measure.ts";
import { createSchedulerMetrics } from "./metrics.ts";
import type { SchedulerPorts } from "./ports.ts";
import { startDuties } from "./start-duties.ts";
import { FileSweeper } from "./sweep-files.ts";

/** A duty that waits for ever is done by nobody. Dropping a day goes in steps of 10 000 rows, each far below this. */
const STATEMENT_TIMEOUT_MS = 20_000;
/** A queue so large that counting up to the bounds takes longer is measured again later. */
const MEASURING_TIMEOUT_MS = 5_000;
/** What was not told by then is not told. */
const WEBHOOK_DRAIN_MS_MAX = 1_000;

const reading = readConfig(process.env, ["databaseUrl", "natsUrls"]);
if (!reading.ok) {
  process.stderr.write(`${formatProblems(reading.problems)}\n`);
  process.exit(78); // EX_CONFIG: starting again changes nothing.
}
const { config } = reading;
const log = createLog({
  service: "scheduler",
  level: config.logLevel,
  format: config.logFormat ?? (process.stdout.isTTY ? "pretty" : "json"),
});
const { promise: asked, resolve: ask } = Promise.withResolvers<string>();
for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => ask(signal));

const bus = await connectBus({
  urls: config.natsUrls,
  name: "millrace-scheduler",
  streams: { replicas: config.natsReplicas, mayChange: config.natsProvision === "apply" },
  onStatus: (status) => log.warning(`NATS: ${status}`),
});
await verifyServer(bus, config.natsMonitorUrls);
await provisionAtStart(bus);
const sql = openPool({
  url: config.databaseUrl,
  max: 5,
  applicationName: "millrace-scheduler",
  statementTimeoutMs: STATEMENT_TIMEOUT_MS,
  isByKey: true,
});
const metrics = createMetrics({ service: "scheduler" });
const connection = new ConnectionState(bus);
registerNatsMetrics(metrics, connection);
registerDiskMetrics(metrics, config.home);
const instance = crypto.randomUUID();
const tracing = await openTracing(config, { service: "scheduler", instance, log, metrics });
const registry = new WorkerRegistry();
await openWorkersBucket(bus);
await registry.watch(bus);
const publisher = new DispatchPublisher(bus, groupSizes(metrics, "publish"), publishTracer(tracing));
const teller = new LiveTeller(bus, "scheduler");
const ports: SchedulerPorts = {
  bus,
  sql,
  log,
  registry,
  tracing,
  metrics: createSchedulerMetrics(metrics),
  publisher,
  endTeller: new EndTeller({
    sql,
    publish: (due) =>
      publisher.publish(due.map(({ dispatch, readyAt }) => ({ dispatch, dueAtMs: readyAt.getTime() }))),
    tell: (step) => teller.tell(step),
    onFailure: (error) => log.warning("released tasks are left to the reconciler", { error }),
  }),
};
/** Apart: what measures the queue must not wait behind those who work at it, and reads differently. */
const measuringSql = openPool({
  url: config.databaseUrl,
  max: 2, // Whether the server answers is not asked behind a large queue that is being counted.
  applicationName: "millrace-scheduler-measuring",
  statementTimeoutMs: MEASURING_TIMEOUT_MS,
});
const gauges = createStoreGauges(metrics);
let alerts: Alerts | undefined;
const measuring = new Duty({
  name: "measure",
  everyMs: MEASURE_EVERY_MS,
  round: async () => {
    alerts?.noteMeasured(await measure({ sql: measuringSql }, gauges));
    return false;
  },
  log,
});
measuring.start();
const health = createHealth({
  checks: { nats: () => checkBus(bus), postgres: async () => void (await sql`select 1`) },
});
const healthServer =
  config.healthPort === 0
    ? undefined
    : startHealthServer({
        host: config.apiHost,
        port: config.healthPort,
        health,
        metrics: config.metricsEnabled ? metrics : undefined,
      });
const fileSweeper = new FileSweeper({
  sql,
  blobs: await openBlobs(config),
  log,
  metrics: ports.metrics,
  keptDays: config.fileRetentionDays,
  nowMs: Date.now,
});
const stopDuties = await startDuties(ports, { retentionDays: config.taskRetentionDays, fileSweeper });
const { alertWebhookUrl, alertWebhookSecret } = config;
const webhook =
  alertWebhookUrl === undefined
    ? undefined
    : new AlertWebhook({ url: alertWebhookUrl, secret: alertWebhookSecret, log, metrics });
alerts = await startAlerts({
  ...{ bus, log, registry, connection, instance, home: config.home },
  askPostgres: async () => {
    const [row] = await measuringSql<{ start: string }[]>`select pg_postmaster_start_time()::text as start`;
    return row?.start ?? "";
  },
  rules: overriddenRules(config.alertRules),
  tell: alertTeller(log, webhook),
});
measuring.nudge();
answerForPart(bus, async () => ({ name: "scheduler", instance, ...(await health.ready()) }));
log.info("scheduling");

const why = await Promise.race([asked, bus.closed.then(() => "NATS closed the connection")]);
log.info("draining", { why });
health.drain();
await Promise.all([stopDuties(), measuring.stop(), alerts.stop()]);
await webhook?.drain(WEBHOOK_DRAIN_MS_MAX);
registry.stop();
teller.flush();
await ports.publisher.drain();
await closeBus(bus);
await Promise.all([sql, measuringSql].map((pool) => pool.end({ timeout: 2 })));
await healthServer?.stop();
await tracing?.stop();
log.info("drained");
log.flush();
process.exit(0);
