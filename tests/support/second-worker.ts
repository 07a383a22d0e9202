import { join } from "node:path";
import { type RunningStack, untilTrue } from "./running-stack.ts";
import { scratch } from "./scratch.ts";

const PROJECT = join(import.meta.dirname, "../..");

/** A second worker beside a stack's own, which nobody starts again. It ends with the run, if not before. */
export async function startSecondWorker(
  stack: RunningStack,
  env: Readonly<Record<string, string>> = {},
): Promise<Bun.Subprocess> {
  const { remember, atEnd } = await scratch();
  const run = await stack.run();
  const log = Bun.file(join(stack.home, "worker-2.log"));
  const child = Bun.spawn([process.execPath, join(PROJECT, "apps/worker/main.ts")], {
    cwd: PROJECT,
    env: {
      ...process.env,
      DATABASE_URL: run.database_url,
      NATS_URL: run.nats_url,
      NATS_MONITOR_URL: run.nats_monitor_url,
      MILLRACE_HOME: stack.home,
      HEALTH_PORT: "0",
      HTTP_ALLOW_LOOPBACK: "true",
      LOG_FORMAT: "json",
      WORKER_ID: "worker-2",
      MAX_FILE_WORKERS: "0",
      ...env,
    },
    stdout: log,
    stderr: "inherit",
  });
  remember("worker-2", child.pid);
  atEnd(async () => {
    child.kill("SIGKILL");
    await child.exited;
  });
  await untilTrue(async () => (await log.text()).includes('"working"'), 30_000, "a second worker");
  return child;
}
