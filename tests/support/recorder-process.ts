import { join } from "node:path";
import { answersOk } from "@millrace/stack/readiness";
import { type ServerProcess, startServer } from "./server-process.ts";
import { freePort, type NatsUnderTest } from "./servers.ts";

const PROJECT = join(import.meta.dirname, "../..");

export interface RecorderPlace {
  readonly databaseUrl: string;
  readonly nats: NatsUnderTest;
}

/** The recorder as the stack runs it, in a process of its own, to be killed and started again. */
export async function startRecorderProcess(
  name: string,
  { databaseUrl, nats }: RecorderPlace,
): Promise<ServerProcess> {
  const port = await freePort();
  const spec = {
    name,
    command: [process.execPath, join(PROJECT, "apps/recorder/main.ts")],
    cwd: PROJECT,
    env: {
      PATH: process.env.PATH,
      DATABASE_URL: databaseUrl,
      NATS_URL: nats.url,
      NATS_MONITOR_URL: nats.monitorUrl,
      HEALTH_PORT: String(port),
      LOG_FORMAT: "json",
    },
    stopSignal: "SIGTERM" as const,
    findAlarm: () => undefined,
  };
  return await startServer(spec, () => answersOk(`http://127.0.0.1:${port}/health/live`));
}
