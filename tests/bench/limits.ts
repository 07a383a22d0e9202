/**
 * What limits cost that do not bind: a rate and a bound on concurrency for the type, and both for the tenant. Tasks that do
 * nothing wait in a paused lane and are timed from its resumption, in turns without and with the limits, in one run.
 */
import { median, startTaskStack, type TaskStack } from "../support/task-stack.ts";
import { cpuByProcess, perEvent } from "./cpu-by-process.ts";

const TASKS = 30_000;
const ROUNDS = 5;
const WAIT_MS = 120_000;

const LIMITS = [
  { scope: "type", name: "simulate", rate_per_second: 1_000_000, max_concurrent: 10_000 },
  { scope: "tenant", name: "acme", rate_per_second: 1_000_000, max_concurrent: 10_000 },
] as const;

export async function benchLimits(say: (line: string) => void): Promise<void> {
  const stack = await startTaskStack({ MAX_WORKERS: "400", LONG_SLOTS: "2", LOG_LEVEL: "WARNING" });
  try {
    await measure(stack, "warm");
    const [off, on]: [Measured[], Measured[]] = [[], []];
    for (let round = 0; round < ROUNDS; round++) {
      off.push(await measure(stack, `off${round}`));
      for (const limit of LIMITS) await must(stack, "PUT", "/api/limits", limit);
      on.push(await measure(stack, `on${round}`));
      for (const { scope, name } of LIMITS) await must(stack, "DELETE", `/api/limits/${scope}/${name}`);
    }
    const [without, within] = [off, on].map((rounds) => median(rounds.map(({ perSecond }) => perSecond)));
    if (without === undefined || within === undefined) throw new Error("nothing was measured");
    say(
      `limits off ${Math.round(without)} tasks/s, on ${Math.round(within)}, ratio ${(within / without).toFixed(2)} (medians of ${ROUNDS})`,
    );
    say(`  CPU per task in µs, off: ${off.at(-1)?.cpu}`);
    say(`  CPU per task in µs, on: ${on.at(-1)?.cpu}`);
  } finally {
    await stack.close();
  }
}

interface Measured {
  readonly perSecond: number;
  readonly cpu: string;
}

async function measure(stack: TaskStack, prefix: string): Promise<Measured> {
  await must(stack, "POST", "/api/queues/short/pause");
  const payload = { duration_ms: 0, failure_rate: 0 };
  await stack.submitAll(
    Array.from({ length: TASKS }, (_, index) => ({
      ...{ task_id: `${prefix}-${index}`, task_type: "simulate", lane: "short", tenant: "acme", payload },
    })),
  );
  const before = await cpuByProcess(stack);
  const startedMs = performance.now();
  await must(stack, "POST", "/api/queues/short/resume");
  await stack.untilNoneOpen(`${prefix}-`, WAIT_MS);
  const perSecond = (TASKS / (performance.now() - startedMs)) * 1_000;
  return { perSecond, cpu: perEvent(before, await cpuByProcess(stack), TASKS) };
}

async function must(stack: TaskStack, method: string, path: string, body?: unknown): Promise<void> {
  const answer = await stack.call(method, path, body);
  if (answer.status >= 300) throw new Error(`${method} ${path}: ${JSON.stringify(answer.body)}`);
}
