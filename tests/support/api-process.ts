import { join } from "node:path";
import { anyFreePort } from "@millrace/stack/ports";
import { JWT_SECRET } from "./api.ts";
import { scratch } from "./scratch.ts";
import { type ServerProcess, startServer } from "./server-process.ts";
import { freshDatabase, type NatsUnderTest, startNats } from "./servers.ts";

const PROJECT = join(import.meta.dirname, "../..");

/** What several api processes share. */
export interface ApiSite {
  readonly databaseUrl: string;
  readonly nats: NatsUnderTest;
  readonly env: Readonly<Record<string, string>>;
  stop(): Promise<void>;
}

export interface ApiProcess extends ServerProcess {
  readonly url: string;
  readonly port: number;
}

/** A database, a NATS server and a folder for files of their own. */
export async function startApiSite(): Promise<ApiSite> {
  const [database, nats] = await Promise.all([freshDatabase({ migrated: true }), startNats()]);
  const folder = (await scratch()).folder("files");
  return {
    databaseUrl: database.url,
    nats,
    env: {
      PATH: "/usr/bin:/bin",
      DATABASE_URL: database.url,
      NATS_URL: nats.url,
      STORAGE_URL: `file:${folder}`,
      JWT_SECRET,
      LOG_FORMAT: "json",
    },
    stop: async () => {
      await nats.stop();
      await database.drop();
    },
  };
}

/** The api as it is deployed: a process of its own, to be killed and started again on the same port. */
export async function startApiProcess(
  { env }: Pick<ApiSite, "env">,
  more: Readonly<Record<string, string>> = {},
): Promise<ApiProcess> {
  const port = await anyFreePort();
  const url = `http://127.0.0.1:${port}`;
  const server = await startServer(
    {
      name: "api",
      command: [process.execPath, join(PROJECT, "apps/api/main.ts")],
      cwd: PROJECT,
      env: { ...env, API_PORT: String(port), ...more },
      stopSignal: "SIGTERM",
      findAlarm: () => undefined,
    },
    async () => (await fetch(`${url}/health/live`).catch(() => undefined))?.status === 200,
  );
  return Object.assign(Object.create(server), { url, port });
}
