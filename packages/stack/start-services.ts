import { existsSync } from "node:fs";
import { join } from "node:path";
import { adminOf, type Env } from "./options.ts";
import { answersOk, waitUntilReady } from "./readiness.ts";
import type { Service } from "./services.ts";
import { StartFailure } from "./start-failure.ts";
import type { Ground, NatsAddress } from "./start-servers.ts";
import { serviceAlarm } from "./supervise/alarm.ts";
import type { ProcessSpec } from "./supervise/process-spec.ts";

const READY_MS_MAX = 60_000;
const STOP_WITH_PARENT = join(import.meta.dirname, "supervise/stop-with-parent.ts");

export interface Addresses {
  readonly nats: NatsAddress;
  readonly databaseUrl: string;
}

export interface StartedServices {
  readonly apiUrl: string;
}

/** What every service is told. What the person has set stays as it is, where the stack does not know better. */
export function serviceEnvironment(ground: Ground, { nats, databaseUrl }: Addresses): Env {
  const { env, home, options, secrets } = ground;
  const admin = adminOf(options.config, secrets);
  return {
    ...env,
    MILLRACE_HOME: home.path,
    DATABASE_URL: databaseUrl,
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
  };
}

/** Starts every service and waits until each says that it is ready. */
export async function startServices(
  ground: Ground,
  services: readonly Service[],
  environment: Env,
): Promise<StartedServices> {
  for (const { name, entry } of services)
    if (!existsSync(join(ground.projectFolder, entry)))
      throw new StartFailure(`${name} is missing: no ${entry}`);
  const urls = await Promise.all(services.map((service) => startService(ground, service, environment)));
  const apiAt = services.findIndex(({ portVariable }) => portVariable === "API_PORT");
  return { apiUrl: urls[apiAt] ?? "" };
}

async function startService(ground: Ground, service: Service, environment: Env): Promise<string> {
  const { options, ports, processes, projectFolder, say, signal } = ground;
  const { name, portVariable } = service;
  const host = options.config.apiHost;
  const wished = portVariable === "API_PORT" ? options.config.apiPort : service.port;
  const port = await ports.claim({ name, port: wished, host });
  signal.throwIfAborted();
  const spec: ProcessSpec = {
    name,
    command: [process.execPath, "--preload", STOP_WITH_PARENT, join(projectFolder, service.entry)],
    cwd: projectFolder,
    env: { ...environment, [portVariable]: String(port) },
    stopSignal: "SIGTERM",
    findAlarm: serviceAlarm,
  };
  const running = processes.startService(spec);
  const url = `http://${reachable(host)}:${port}`;
  await waitUntilReady(running, {
    limitMs: READY_MS_MAX,
    isReady: () => answersOk(`${url}/health/ready`),
    signal,
  });
  say(`  ${name.padEnd(10)} ${url}`);
  return url;
}

/** Where a client on this machine finds a server that listens on this host. */
export function reachable(host: string): string {
  if (host === "0.0.0.0") return "127.0.0.1";
  if (host === "::") return "[::1]";
  return host.includes(":") ? `[${host}]` : host;
}
