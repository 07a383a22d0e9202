import { hostname } from "node:os";
import { join } from "node:path";
import { openBlobs } from "@millrace/blobs";
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
import {
  createHealth,
  createLog,
  createMetrics,
  openTracing,
  registerDiskMetrics,
  registerNatsMetrics,
  startHealthServer,
} from "@millrace/observe";
import { countLosses, openPool } from "@millrace/store";
import { startFiles } from "./files/start-files.ts";
import { loadTaskTypes } from "./task-type.ts";
import { startWorker } from "./worker.ts";

/** Claims and outcomes take milliseconds; behind a lock, or on a server that vanished, they are tried again after this. */
const STATEMENT_TIMEOUT_MS = 10_000;

const THREADS_STOP_MS_MAX = 1_000;

const reading = readConfig(process.env, ["databaseUrl", "natsUrls"]);
if (!reading.ok) {
  process.stderr.write(`${formatProblems(reading.problems)}\n`);
  process.exit(78); // EX_CONFIG: starting again changes nothing.
}
const { config } = reading;
const nonce = crypto.randomUUID().slice(0, 8);
const workerId =
  config.workerId ??
  `worker-${hostname()
    .replace(/[^A-Za-z0-9_.-]/g, "-")
    .slice(0, 64)}-${nonce}`;
const log = createLog({
  service: "worker",
  level: config.logLevel,
  format: config.logFormat ?? (process.stdout.isTTY ? "pretty" : "json"),
}).child({ worker_id: workerId });
const metrics = createMetrics({ service: "worker" });
const { promise: asked, resolve: ask } = Promise.withResolvers<string>();
for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => ask(signal));

function portsOf(urls: readonly string[]): readonly number[] {
  const defaults: Readonly<Record<string, number>> = {
    "postgres:": 5432,
    "postgresql:": 5432,
    "nats:": 4222,
    "tls:": 4222,
  };
  return urls
    .map((text) => new URL(text))
    .map((url) => (url.port === "" ? (defaults[url.protocol] ?? 0) : Number(url.port)));
}

let rearm = (): void => {};
const tracing = await openTracing(config, { service: "worker", instance: workerId, log, metrics });
const streams = { replicas: config.natsReplicas, mayChange: config.natsProvision === "apply" };
const bus = await connectBus({
  isTraced: tracing !== undefined,
  urls: config.natsUrls,
  name: `millrace-${workerId}`,
  streams,
  onStatus: (status) => {
    log.warning(`NATS: ${status}`);
    if (status === "connected") rearm();
  },
});
registerNatsMetrics(metrics, new ConnectionState(bus));
registerDiskMetrics(metrics, config.home);
const server = await verifyServer(bus, config.natsMonitorUrls);
if (server.unseen.length > 0)
  log.info("some addresses of NATS did not answer, and were not looked at", { addresses: server.unseen });
if (server.doesSyncAlways === null)
  log.warning("NATS_MONITOR_URL is not set: nobody checked that the server syncs before it acknowledges");
for (const drift of (await provisionAtStart(bus)).drifts)
  log.warning(drift.reason ?? "NATS was configured otherwise, and is mended", { drift });

const sql = openPool({
  url: config.databaseUrl,
  max: 6,
  applicationName: `millrace-${workerId}`.slice(0, 63),
  statementTimeoutMs: STATEMENT_TIMEOUT_MS,
  isByKey: true,
});
const blobs = config.maxFileWorkers === 0 ? undefined : await openBlobs(config);
const files =
  blobs &&
  (await startFiles({
    blobs,
    threads: config.maxFileWorkers,
    scratchRoot: join(config.home, "scratch"),
    countLosses: (taskId) => countLosses(sql, taskId),
    log,
    metrics,
  }));
const taskPorts = {
  egress: {
    allowLoopback: config.httpAllowLoopback,
    allow: config.httpAllowHosts,
    // Whoever may call this machine may still not talk to the servers behind us.
    denyPorts: portsOf([config.databaseUrl, ...config.natsUrls]),
  },
  allowCrash: config.simulateAllowCrash,
};
const types = await loadTaskTypes(new URL("./tasks", import.meta.url).pathname, {
  ...taskPorts,
  ...(files && { files: files.ports }),
});
const health = createHealth({
  checks: {
    nats: () => checkBus(bus),
    postgres: async () => void (await sql`select 1`),
    ...(blobs && { storage: () => blobs.checkHealth() }),
  },
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
const worker = await startWorker({
  workerId,
  nonce,
  bus,
  natsUrls: config.natsUrls,
  sql,
  log,
  metrics,
  types,
  slots: { short: config.maxWorkers - config.longSlots, long: config.longSlots, file: config.maxFileWorkers },
  heartbeatS: config.heartbeatIntervalS,
  random: Math.random,
  tracing,
  alone: {
    ports: taskPorts,
    memoryBytesMax: config.quarantineMemoryMib * 2 ** 20,
    echo: (bytes) => void process.stderr.write(bytes),
  },
});
rearm = worker.rearm;
const stopPulse = startPulse(bus, {
  name: "worker",
  instance: worker.session,
  facts: () => worker.outcomes(),
});
answerForPart(bus, async () => ({
  ...{ name: "worker", instance: workerId, ...(await health.ready()) },
  details: { current_tasks: worker.currentTasks() },
}));
log.info("working", { session: worker.session, slots: config.maxWorkers, task_types: [...types.keys()] });

const why = await Promise.race([asked, bus.closed.then(() => "NATS closed the connection")]);
log.info("draining", { why });
health.drain();
await worker.drain();
stopPulse();
// Its files were given back by now; what does not end in time ends with the process.
await Promise.race([files?.stop(), Bun.sleep(THREADS_STOP_MS_MAX)]);
await closeBus(bus);
await sql.end({ timeout: 2 });
await healthServer?.stop();
await tracing?.stop();
log.info("drained");
log.flush();
process.exit(0);
