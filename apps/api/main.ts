/** The API process: reads the configuration, connects, listens, and drains when told to stop. */
import {
  checkBus,
  connectBus,
  DispatchPublisher,
  provision,
  tellCancelled,
  verifyServer,
} from "@millrace/bus";
import { type Config, formatProblems, readConfig } from "@millrace/config";
import { createHealth, createLog, createMetrics, type Log } from "@millrace/observe";
import { openPool } from "@millrace/store";
import { createApp } from "./app.ts";
import { serve } from "./serve.ts";
import { ensureAdmin } from "./use-cases/ensure-admin.ts";
import { createPorts } from "./wiring.ts";

const POOL_CONNECTIONS_MAX = 10;
/** Group commits need two at a time; atomic batches and single steps share the rest. */
const HOT_CONNECTIONS_MAX = 6;
/** No query of a request may take longer; the client has given up by then. */
const STATEMENT_TIMEOUT_MS = 10_000;
/** How long open queries may take to end, after the last response. */
const POOL_END_S = 2;

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

async function run(config: ApiConfig, log: Log): Promise<void> {
  const sql = openPool({
    url: config.databaseUrl,
    max: POOL_CONNECTIONS_MAX,
    applicationName: "millrace-api",
    statementTimeoutMs: STATEMENT_TIMEOUT_MS,
  });
  const bus = await connectBus({ urls: config.natsUrls, name: "millrace-api" });
  await verifyServer(bus, config.natsMonitorUrl);
  for (const drift of (await provision(bus)).drifts)
    log.warning("NATS was configured otherwise, and is mended", { drift });
  const hotSql = openPool({
    url: config.databaseUrl,
    max: HOT_CONNECTIONS_MAX,
    applicationName: "millrace-api-tasks",
    statementTimeoutMs: STATEMENT_TIMEOUT_MS,
    isByKey: true,
  });
  const publisher = new DispatchPublisher(bus);
  const health = createHealth({
    checks: {
      postgres: async () => void (await sql`select 1`),
      nats: () => checkBus(bus),
    },
  });
  const ports = createPorts({
    log,
    metrics: createMetrics({ service: "api" }),
    health,
    isMetricsPublic: config.metricsEnabled,
    sql,
    hotSql,
    dispatcher: {
      publish: (messages) => publisher.publish(messages),
      tellCancelled: (notice) => tellCancelled(bus, notice),
    },
    timeoutS: { short: config.shortTimeoutS, long: config.taskTimeoutS },
    jwtSecret: config.jwtSecret,
    nowMs: Date.now,
    addressOf: (request) => app.server?.requestIP(request)?.address,
  });
  const { adminEmail: email, adminPassword: password, adminApiKey: apiKey } = config;
  if (email !== undefined && password !== undefined) await ensureAdmin(ports, { email, password, apiKey });

  const app = createApp(ports);
  const listening = serve(app, { host: config.apiHost, port: config.apiPort });
  log.info("listening", { url: listening.url, port: listening.port });
  onStopSignal(async (signal) => {
    log.info("draining", { signal });
    health.drain();
    const { isClean } = await listening.stop();
    await ports.intake.drain();
    await publisher.drain();
    await bus.connection.drain();
    await Promise.all([sql, hotSql].map((pool) => pool.end({ timeout: POOL_END_S })));
    log.info("stopped", { cut_off: !isClean });
    log.flush();
    process.exit(0);
  });
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
