import { afterAll, beforeAll, expect, test } from "bun:test";
import { untilTrue } from "../support/running-stack.ts";
import { startTaskStack, type TaskStack } from "../support/task-stack.ts";

const WAIT_MS = 60_000;
const TASKS = 8_000;
/** What limits cost in time, `bun run bench limits` tells. */
const STARTS_PER_QUESTION_MIN = 20;

const LIMITS = [
  { scope: "type", name: "simulate", rate_per_second: 1_000_000, max_concurrent: 10_000 },
  { scope: "tenant", name: "acme", rate_per_second: 1_000_000, max_concurrent: 10_000 },
] as const;

let stack: TaskStack;
beforeAll(async () => {
  stack = await startTaskStack({ MAX_WORKERS: "100" });
  for (const limit of LIMITS) expect((await stack.call("PUT", "/api/limits", limit)).status).toBe(200);
}, 90_000);
afterAll(() => stack?.close());

/** Rows of the two tables written so far: each question writes one. */
async function questions(): Promise<number> {
  const [row] = await stack.sql<{ writes: number }[]>`
    select sum(n_tup_ins + n_tup_upd)::integer as writes from pg_stat_user_tables
    where relname in ('limit_rates', 'limit_permits')`;
  return row?.writes ?? 0;
}

test(
  "four limits that do not bind are asked about once in twenty starts at most",
  async () => {
    const payload = { duration_ms: 0, failure_rate: 0 };
    const wish = { task_type: "simulate", lane: "short", tenant: "acme", payload };
    await stack.submitAll(Array.from({ length: TASKS }, (_, n) => ({ ...wish, task_id: `cheap-${n}` })));
    await stack.untilNoneOpen("cheap-", WAIT_MS);
    // A backend tells what it has written when it falls idle.
    await untilTrue(async () => (await questions()) > 0, WAIT_MS, "the statistics");
    await Bun.sleep(1_500);
    const asked = await questions();
    process.stdout.write(`${TASKS} starts, ${asked} questions\n`);
    expect(asked).toBeLessThan(TASKS / STARTS_PER_QUESTION_MIN);
  },
  2 * WAIT_MS,
);
