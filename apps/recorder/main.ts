import {
  answerForPart,
  ConnectionState,
  checkBus,
  closeBus,
  connectBus,
  provisionAtStart,
  startPulse,
  verifyServer,
} from "@millrace/bus";
import { formatProblems, readConfig } from "@millrace/config";
import { RECORDER_FLIGHTS } from "@millrace/core/limits";
import {
  createHealth,
  createLog,
  createMetrics,
  openTracing,
  registerDiskMetrics,
  registerNatsMetrics,
  startHealthServer,
} from "@millrace/observe";
import { openPool } from "@millrace/store";
import { EventDays } from "./event-days.ts";
import { createRecorderMetrics } from "./metrics.ts";
import type { RecorderPorts } from "./ports.ts";
import { Progress } from "./progress.ts";
import { startRecorder } from "./start-recorder.ts";

/** For the duties, beside the flights. */
const DUTY_CONNECTIONS = 2;
/**
 * A transaction takes a fraction of a second; behind a lock, or on a server that vanished without a word, it is tried
 * again after this (and three seconds).
 */
const STATEMENT_TIMEOUT_MS = 30_000;
/** Dropping days and making an index of one may take long, and nobody waits for them. */
const UPKEEP_TIMEOUT_MS = 60 * 60_000;

const reading = readConfig(process.env, ["databaseUrl", "natsUrls"]);
if (!reading.ok) {
  process.stderr.write(`${formatProblems(reading.problems)}\n`);
  process.exit(78); // EX_CONFIG: starting again changes nothing.
}
const { config } = reading;
const log = createLog({
  service: "recorder",
  level: config.logLevel,
  format: config.logFormat ?? (process.stdout.isTTY ? "pretty" : "json"),
});
const { promise: asked, resolve: ask } = Promise.withResolvers<string>();
for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => ask(signal));

const metrics = createMetrics({ service: "recorder" });
const instance = crypto.randomUUID();
const tracing = await openTracing(config, { service: "recorder", instance, log, metrics });
const bus = await connectBus({
  isTraced: tracing !== undefined,
  urls: config.natsUrls,
  name: "millrace-recorder",
  streams: { replicas: config.natsReplicas, mayChange: config.natsProvision === "apply" },
  onStatus: (status) => log.warning(`NATS: ${status}`),
});
await verifyServer(bus, config.natsMonitorUrls);
await provisionAtStart(bus);
const sql = openPool({
  ...{ url: config.databaseUrl, max: RECORDER_FLIGHTS + DUTY_CONNECTIONS },
  ...{ applicationName: "millrace-recorder", statementTimeoutMs: STATEMENT_TIMEOUT_MS },
});
const upkeepSql = openPool({
  ...{ url: config.databaseUrl, max: 1 },
  ...{ applicationName: "millrace-recorder-upkeep", statementTimeoutMs: UPKEEP_TIMEOUT_MS },
});
registerNatsMetrics(metrics, new ConnectionState(bus));
registerDiskMetrics(metrics, config.home);
const progress = new Progress();
const { eventRetentionDays: retentionDays, eventReplayS } = config;
const ports: RecorderPorts = {
  bus,
  sql,
  upkeepSql,
  log,
  metrics: createRecorderMetrics(metrics),
  progress,
  tracing,
  days: new EventDays({ sql, log, retentionDays, nowMs: Date.now }),
};
const health = createHealth({
  checks: { nats: () => checkBus(bus), postgres: async () => void (await sql`select 1`) },
  details: () => progress.describe(),
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
const stop = startRecorder(ports, {
  ...{ retentionDays, replayMs: eventReplayS * 1_000, nowMs: Date.now },
  isTextIndexed: config.eventSearch === "trigram",
});
const stopPulse = startPulse(bus, {
  ...{ name: "recorder", instance },
  facts: () => ({ lag_seconds: progress.lag.seconds, unaccounted: progress.unaccounted }),
});
answerForPart(bus, async () => ({ name: "recorder", instance, ...(await health.ready()) }));
log.info("recording");

const why = await Promise.race([asked, bus.closed.then(() => "NATS closed the connection")]);
log.info("draining", { why });
health.drain();
await stop();
stopPulse();
await closeBus(bus);
await Promise.all([sql, upkeepSql].map((pool) => pool.end({ timeout: 2 })));
await healthServer?.stop();
await tracing?.stop();
log.info("drained");
log.flush();
process.exit(0);
