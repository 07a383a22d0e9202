import { existsSync } from "node:fs";
import { join } from "node:path";
import { adminOf, type Env } from "./options.ts";
import { answersOk, waitUntilReady } from "./readiness.ts";
import type { Service } from "./services.ts";
import { StartFailure } from "./start-failure.ts";
import type { Ground, NatsAddress } from "./start-servers.ts";
import { serviceAlarm } from "./supervise/alarm.ts";
import type { ProcessSpec } from "./supervise/process-spec.ts";
import type { Supervised } from "./supervise/supervised.ts";

const READY_MS_MAX = 60_000;
const STOP_WITH_PARENT = join(import.meta.dirname, "supervise/stop-with-parent.ts");

export interface Addresses {
  readonly nats: NatsAddress;
  readonly databaseUrl: string;
  /** Of the built page; undefined: there is none. */
  readonly dashboardFolder: string | undefined;
}

export interface StartedServices {
  readonly apiUrl: string;
}

/** What every service is told. What the person has set stays as it is, where the stack does not know better. */
export function serviceEnvironment(ground: Ground, addresses: Addresses): Env {
  const { nats, databaseUrl, dashboardFolder } = addresses;
  const { env, home, options, secrets } = ground;
  const admin = adminOf(options.config, secrets);
  return {
    ...env,
    MILLRACE_HOME: home.path,
    DATABASE_URL: databaseUrl,
    DASHBOARD_FOLDER: dashboardFolder,
    NATS_URL: nats.url,
    NATS_MONITOR_URL: nats.monitorUrl ?? undefined,
    API_HOST: options.config.apiHost,
    JWT_SECRET: options.config.jwtSecret ?? secrets.jwtSecret,
    ADMIN_EMAIL: admin.email,
    ADMIN_PASSWORD: admin.password,
    ADMIN_API_KEY: admin.apiKey,
    // What runs on a developer's own machine calls that machine.
    HTTP_ALLOW_LOOPBACK: env.HTTP_ALLOW_LOOPBACK ?? "true",
    LOG_FORMAT: "json",
    // A name that outlives restarts: the claims of a worker's former life are known for dead the moment it comes back.
    WORKER_ID: env.WORKER_ID ?? "worker-1",
  };
}

/** Starts every service, in their order, and waits until each says that it is ready. */
export async function startServices(
  ground: Ground,
  services: readonly Service[],
  environment: Env,
): Promise<StartedServices> {
  const { options, ports, processes, projectFolder, signal } = ground;
  for (const { name, entry } of services)
    if (!existsSync(join(projectFolder, entry))) throw new StartFailure(`${name} is missing: no ${entry}`);

  const host = options.config.apiHost;
  const portOf = new Map<Service, number>();
  for (const service of services) {
    const port = service.portVariable === "API_PORT" ? options.config.apiPort : service.port;
    portOf.set(service, await ports.claim({ name: service.name, port, host }));
  }
  signal.throwIfAborted();
  // Started in one go, without a pause in which another order could come about: they are stopped in this order, too.
  const started = services.map((service) => {
    const port = portOf.get(service) ?? 0;
    const running = processes.startService(serviceProcess(projectFolder, service, { environment, port }));
    return { service, running, url: `http://${reachable(host)}:${port}` };
  });
  await Promise.all(started.map((each) => untilReady(each, ground)));
  const api = started.find(({ service }) => service.portVariable === "API_PORT");
  return { apiUrl: api?.url ?? "" };
}

function serviceProcess(
  projectFolder: string,
  { name, entry, portVariable, env = {} }: Service,
  { environment, port }: { environment: Env; port: number },
): ProcessSpec {
  return {
    name,
    command: [process.execPath, "--preload", STOP_WITH_PARENT, join(projectFolder, entry)],
    cwd: projectFolder,
    env: { ...env, ...environment, [portVariable]: String(port) },
    stopSignal: "SIGTERM",
    findAlarm: serviceAlarm,
  };
}

interface Started {
  readonly service: Service;
  readonly running: Supervised;
  readonly url: string;
}

async function untilReady({ service, running, url }: Started, { signal, say }: Ground): Promise<void> {
  const isReady = () => answersOk(`${url}/health/ready`);
  await waitUntilReady(running, { limitMs: READY_MS_MAX, isReady, signal });
  say(`  ${service.name.padEnd(10)} ${url}`);
}

/** Where a client on this machine finds a server that listens on this host. */
export function reachable(host: string): string {
  if (host === "0.0.0.0") return "127.0.0.1";
  if (host === "::") return "[::1]";
  return host.includes(":") ? `[${host}]` : host;
}
