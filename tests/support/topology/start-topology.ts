import { join } from "node:path";
import { anyFreePort } from "@millrace/stack/ports";
import { answersOk } from "@millrace/stack/readiness";
import { openPool, type Sql } from "@millrace/store";
import { JWT_SECRET } from "../api.ts";
import { type NatsCluster, startNatsCluster } from "../nats-cluster.ts";
import { scratch } from "../scratch.ts";
import { type ServerProcess, startServer } from "../server-process.ts";
import { freshDatabase } from "../servers.ts";
import { type HealthProxy, startHealthProxy } from "./health-proxy.ts";

const PROJECT = join(import.meta.dirname, "../../..");
const API_KEY = "mr_topology_tests_only_0123456789";
/** As in deploy/compose.yaml. */
const NOTICE_S = 2;
const STOP_MS_MAX = 30_000;
const PARTS = ["api", "recorder", "scheduler", "worker"] as const;

export interface Service extends ServerProcess {
  /** `api-1` … `worker-2`. */
  readonly name: string;
  readonly port: number;
}

export interface Topology {
  readonly proxy: HealthProxy;
  readonly cluster: NatsCluster;
  readonly services: readonly Service[];
  readonly sql: Sql;
  /** For each request through the proxy. */
  readonly headers: Readonly<Record<string, string>>;
  /** Told to stop, in order, and started again once it has ended; resolves when it is ready. Gives its exit status. */
  roll(service: Service): Promise<number | null>;
  stop(): Promise<void>;
}

/** Three NATS servers, one PostgreSQL, two of each service, a proxy in front. */
export async function startTopology(): Promise<Topology> {
  const { folder } = await scratch();
  const [cluster, database] = await Promise.all([startNatsCluster(), freshDatabase({ migrated: true })]);
  const env = {
    PATH: process.env.PATH,
    DATABASE_URL: database.url,
    NATS_URL: cluster.url,
    NATS_MONITOR_URL: cluster.monitorUrl,
    NATS_REPLICAS: "3",
    STORAGE_URL: `file:${folder("files")}`,
    JWT_SECRET,
    ADMIN_EMAIL: "admin@example.org",
    ADMIN_PASSWORD: "only for the tests of the topology",
    ADMIN_API_KEY: API_KEY,
    LOG_FORMAT: "json",
    HEARTBEAT_INTERVAL: "2",
    DRAIN_NOTICE: String(NOTICE_S),
    MAX_WORKERS: "16",
    MAX_FILE_WORKERS: "1",
  };
  const names = PARTS.flatMap((part) => [1, 2].map((number) => ({ part, name: `${part}-${number}` })));
  const services = await Promise.all(
    names.map(({ part, name }) =>
      startService(part, { ...env, WORKER_ID: name, MILLRACE_HOME: folder(name) }),
    ),
  );
  const ports = services.filter(({ name }) => name.startsWith("api")).map(({ port }) => port);
  const proxy = await startHealthProxy(ports);
  const sql = openPool({ url: database.url, max: 2, applicationName: "test" });
  return {
    ...{ proxy, cluster, services, sql },
    headers: { Authorization: `Bearer ${API_KEY}` },
    roll: async (service) => {
      await service.stop();
      const status = service.exitCode;
      await service.restart();
      return status;
    },
    stop: async () => {
      await Promise.all(services.map((service) => service.stop()));
      await sql.end({ timeout: 1 });
      await cluster.stop();
    },
  };
}

async function startService(
  part: (typeof PARTS)[number],
  env: Readonly<Record<string, string | undefined>> & { readonly WORKER_ID: string },
): Promise<Service> {
  const name = env.WORKER_ID;
  const port = await anyFreePort();
  const spec = {
    name,
    command: [process.execPath, join(PROJECT, `apps/${part}/main.ts`)],
    cwd: PROJECT,
    env: { ...env, [part === "api" ? "API_PORT" : "HEALTH_PORT"]: String(port) },
    stopSignal: "SIGTERM" as const,
    findAlarm: () => undefined,
  };
  const isReady = () => answersOk(`http://127.0.0.1:${port}/health/ready`);
  const server = await startServer(spec, isReady, { stopMs: STOP_MS_MAX });
  return Object.assign(Object.create(server), { name, port });
}
