import { afterAll, beforeAll, expect, test } from "bun:test";
import { median, startTaskStack, type TaskStack } from "../support/task-stack.ts";

const WAIT_MS = 60_000;
const TASKS = 4_000;
const ROUNDS = 3;

let stack: TaskStack;
beforeAll(async () => {
  stack = await startTaskStack({ MAX_WORKERS: "100" });
}, 90_000);
afterAll(() => stack?.close());

/** Tasks per second, of tasks that do nothing and all wait when the lane opens. */
async function measure(prefix: string): Promise<number> {
  expect((await stack.call("POST", "/api/queues/short/pause")).status).toBe(200);
  const payload = { duration_ms: 0, failure_rate: 0 };
  await stack.submitAll(
    Array.from({ length: TASKS }, (_, index) => ({
      ...{ task_id: `${prefix}-${index}`, task_type: "simulate", lane: "short", tenant: "acme", payload },
    })),
  );
  const startedMs = performance.now();
  expect((await stack.call("POST", "/api/queues/short/resume")).status).toBe(200);
  await stack.untilNoneOpen(`${prefix}-`, WAIT_MS);
  return (TASKS / (performance.now() - startedMs)) * 1_000;
}

const LIMITS = [
  { scope: "type", name: "simulate", rate_per_second: 1_000_000, max_concurrent: 10_000 },
  { scope: "tenant", name: "acme", rate_per_second: 1_000_000, max_concurrent: 10_000 },
] as const;

test("four limits that do not bind cost less than half of the throughput", async () => {
  await measure("warm");
  const [off, on]: [number[], number[]] = [[], []];
  for (let round = 0; round < ROUNDS; round++) {
    off.push(await measure(`off${round}`));
    for (const limit of LIMITS) expect((await stack.call("PUT", "/api/limits", limit)).status).toBe(200);
    on.push(await measure(`on${round}`));
    for (const { scope, name } of LIMITS)
      expect((await stack.call("DELETE", `/api/limits/${scope}/${name}`)).status).toBe(204);
  }
  const ratio = median(on) / median(off);
  process.stdout.write(
    `limits off ${Math.round(median(off))} tasks/s, on ${Math.round(median(on))}, ratio ${ratio.toFixed(2)}\n`,
  );
  expect(ratio).toBeGreaterThan(0.5);
}, 120_000);
