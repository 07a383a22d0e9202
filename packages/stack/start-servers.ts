import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Home } from "./home.ts";
import { findNatsServer } from "./nats/find-nats-server.ts";
import { type NatsPlace, natsMonitorUrl, natsProcess, natsUrl } from "./nats/nats-process.ts";
import type { Env, StackOptions } from "./options.ts";
import type { PortClaims } from "./ports.ts";
import { databaseUrl, ensureDatabase } from "./postgres/ensure-database.ts";
import { isPostgresReady, preparePostgres } from "./postgres/postgres-process.ts";
import { removeStaleLock, stopProcessesIn } from "./process-folder.ts";
import type { ProcessGroup } from "./process-group.ts";
import { answersOk, waitUntilReady } from "./readiness.ts";
import type { Secrets } from "./secrets.ts";

const READY_MS_MAX = 60_000;
const NATS_PORT = 4222;
const NATS_MONITOR_PORT = 8222;
const POSTGRES_PORT = 5432;
const LOCAL = "127.0.0.1";
/** The role, the database and the NATS user that the services use. */
const NAME = "millrace";

/** What the servers need to be started with. */
export interface Ground {
  readonly env: Env;
  readonly projectFolder: string;
  readonly options: StackOptions;
  readonly home: Home;
  readonly secrets: Secrets;
  readonly ports: PortClaims;
  readonly processes: ProcessGroup;
  readonly say: (line: string) => void;
  /** Aborted when somebody wants to stop before everything is ready. */
  readonly signal: AbortSignal;
}

export interface NatsAddress {
  readonly url: string;
  readonly monitorUrl: string | null;
}

export async function startNats(ground: Ground): Promise<NatsAddress> {
  const { env, home, options, ports, processes, say, secrets, signal } = ground;
  if (options.natsUrl !== undefined) {
    say("  nats       the one that NATS_URL names");
    return { url: options.natsUrl, monitorUrl: options.config.natsMonitorUrls?.join(",") ?? null };
  }
  const server = await findNatsServer({
    env,
    fallbackFolder: join(home.path, "cache"),
    say: (line) => say(`  nats       ${line}`),
  });
  await stopProcessesIn(home.nats);
  const place: NatsPlace = {
    binary: server.path,
    configPath: join(ground.projectFolder, "nats/server.conf"),
    storeFolder: home.nats,
    port: await ports.claim({ name: "nats", port: NATS_PORT, host: LOCAL }),
    monitorPort: await ports.claim({ name: "nats monitoring", port: NATS_MONITOR_PORT, host: LOCAL }),
    user: NAME,
    password: secrets.natsPassword,
  };
  signal.throwIfAborted();
  const running = processes.startServer(natsProcess(place));
  const health = `${natsMonitorUrl(place)}/healthz`;
  await waitUntilReady(running, { limitMs: READY_MS_MAX, isReady: () => answersOk(health), signal });
  say(`  nats       ${server.version} on ${LOCAL}:${place.port}, monitoring ${natsMonitorUrl(place)}`);
  return { url: natsUrl(place), monitorUrl: natsMonitorUrl(place) };
}

/** Returns the URL of the services' database. */
export async function startPostgres(ground: Ground): Promise<string> {
  const { home, options, ports, processes, say, secrets, signal } = ground;
  if (options.databaseUrl !== undefined) {
    say("  postgres   the one that DATABASE_URL names");
    return options.databaseUrl;
  }
  if (existsSync(home.postgres)) {
    await stopProcessesIn(home.postgres);
    removeStaleLock(home.postgres);
  } else say("  postgres   making an empty database");
  const port = await ports.claim({ name: "postgres", port: POSTGRES_PORT, host: LOCAL });
  const prepared = await preparePostgres({
    dataFolder: home.postgres,
    port,
    superPassword: secrets.postgresPassword,
    copiesFolder: join(home.path, "cache"),
  });
  signal.throwIfAborted();
  const running = processes.startServer(prepared.process);
  const isReady = () => running.pid !== undefined && isPostgresReady(home.postgres, running.pid);
  await waitUntilReady(running, { limitMs: READY_MS_MAX, isReady, signal });
  const wish = {
    port,
    superPassword: secrets.postgresPassword,
    name: NAME,
    password: secrets.databasePassword,
  };
  await ensureDatabase(wish);
  say(`  postgres   ${prepared.version} on ${LOCAL}:${port}`);
  return databaseUrl(wish);
}
