import { join } from "node:path";
import { type RunningStack, untilTrue } from "./running-stack.ts";
import { scratch } from "./scratch.ts";

const PROJECT = join(import.meta.dirname, "../..");

/** A second scheduler beside a stack's own, which nobody starts again. It ends with the run, if not before. */
export async function startSecondScheduler(
  stack: RunningStack,
  env: Readonly<Record<string, string>> = {},
): Promise<Bun.Subprocess> {
  const { remember, atEnd } = await scratch();
  const run = await stack.run();
  const log = Bun.file(join(stack.home, "scheduler-2.log"));
  const child = Bun.spawn([process.execPath, join(PROJECT, "apps/scheduler/main.ts")], {
    cwd: PROJECT,
    env: {
      ...process.env,
      DATABASE_URL: run.database_url,
      NATS_URL: run.nats_url,
      NATS_MONITOR_URL: run.nats_monitor_url,
      HEALTH_PORT: "0",
      LOG_FORMAT: "json",
      ...env,
    },
    stdout: log,
    stderr: "inherit",
  });
  remember("scheduler", child.pid);
  atEnd(async () => {
    child.kill("SIGKILL");
    await child.exited;
  });
  await untilTrue(async () => (await log.text()).includes('"scheduling"'), 30_000, "a second scheduler");
  return child;
}
