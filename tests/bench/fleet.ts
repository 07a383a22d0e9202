/**
 * Workers over HTTP, on the whole product as `bun start` runs it: what one of them gets done, and 20 000 tasks on 50
 * that join, leave and are killed at random. The workers run on the same cores.
 */
import { openPool, type Sql } from "@millrace/store";
import { newDice } from "../support/dice.ts";
import { type RunningStack, startStack } from "../support/running-stack.ts";
import { type FleetProcess, mostHeld, startFleet } from "../support/workers/fleet.ts";

const BATCH = 1_000;
const NOOPS = 8_000;
const TASKS = 20_000;
const PROCESSES = 5;
const WORKERS_EACH = 10;
const SLOTS = 5;
const SECONDS = 60;

export async function benchFleet(say: (line: string) => void): Promise<void> {
  const stack = await startStack({ LOG_LEVEL: "WARNING" });
  const sql = openPool({ url: (await stack.run()).database_url, max: 1, applicationName: "bench" });
  try {
    await oneWorker({ stack, sql }, NOOPS / 4, () => {});
    await oneWorker({ stack, sql }, NOOPS, say);
    await manyWorkers({ stack, sql }, say);
  } finally {
    await sql.end();
    await stack.stop();
  }
}

interface Bench {
  readonly stack: RunningStack;
  readonly sql: Sql;
}

/** Tasks that do nothing wait already when the worker comes; timed by the rows. */
async function oneWorker({ stack, sql }: Bench, tasks: number, say: (line: string) => void): Promise<void> {
  await submit(stack, tasks, () => ({ task_type: "bench.noop", payload: { ms: 0 } }));
  const fleet = await start(stack, { prefix: `one-${tasks}`, workers: 1, taskType: "bench.noop", slots: 50 });
  await untilDone(sql, 120_000);
  fleet.child.kill("SIGTERM");
  await fleet.child.exited;
  const [row] = await sql<{ seconds: number }[]>`
    select extract(epoch from max(ended_at) - min(started_at))::float8 as seconds from outcomes
    where claimed_by like ${`one-${tasks}-%`}`;
  say(`one worker, 50 at once, tasks that do nothing: ${Math.round(tasks / (row?.seconds ?? 1))} tasks/s`);
}

async function manyWorkers({ stack, sql }: Bench, say: (line: string) => void): Promise<void> {
  const dice = newDice();
  const join = (prefix: string): Promise<FleetProcess> =>
    start(stack, { prefix, workers: WORKERS_EACH, taskType: "fleet.wait", slots: SLOTS });
  const alive = await Promise.all(Array.from({ length: PROCESSES }, (_, n) => join(`fleet-${n}`)));
  const began = performance.now();
  const submitting = submit(stack, TASKS, (n) => ({
    ...{ task_id: `fleet-${n}`, task_type: "fleet.wait", priority: dice.between(1, 10) },
    payload: { ms: dice.between(5, 600) },
  }));
  let blows = 0;
  while (performance.now() - began < (SECONDS - 10) * 1_000) {
    await Bun.sleep(dice.between(1_000, 5_000));
    const place = dice.between(0, PROCESSES - 1);
    alive[place]?.child.kill(dice.throw() < 0.5 ? "SIGKILL" : "SIGTERM");
    blows += 1;
    alive[place] = await join(dice.throw() < 0.5 ? `fleet-${place}` : `fleet-${PROCESSES + blows}`);
  }
  await submitting;
  await untilDone(sql, 120_000);
  const seconds = (performance.now() - began) / 1_000;
  const [row] = await sql<{ completed: number; lost: number }[]>`
    select count(*) filter (where kind = 'completed')::integer as completed, count(*) filter (where kind = 'lost')::integer as lost
    from outcomes join tasks using (seq) where task_id like 'fleet-%'`;
  const over = (await mostHeld(sql, "fleet-")).filter(({ most }) => most > SLOTS);
  say(
    `${PROCESSES * WORKERS_EACH} workers, ${blows} blows at ${WORKERS_EACH} of them each: ${row?.completed} of ${TASKS} tasks completed once in ${seconds.toFixed(0)} s, ${row?.lost} attempts lost with their workers, ${over.length} workers over their limit`,
  );
  for (const { child } of alive) child.kill("SIGTERM");
  await Promise.all(alive.map(({ child }) => child.exited));
}

interface Fleet {
  readonly prefix: string;
  readonly workers: number;
  readonly taskType: string;
  readonly slots: number;
}

async function start(stack: RunningStack, fleet: Fleet): Promise<FleetProcess> {
  const { api_url: baseUrl, api_key: apiKey } = await stack.run();
  return startFleet({ ...fleet, baseUrl, apiKey, heartbeatS: 1 });
}

async function submit(stack: RunningStack, tasks: number, wish: (n: number) => unknown): Promise<void> {
  for (let from = 0; from < tasks; from += BATCH)
    await stack.call(
      "POST",
      "/api/tasks/batch",
      Array.from({ length: Math.min(BATCH, tasks - from) }, (_, n) => wish(from + n)),
    );
}

async function untilDone(sql: Sql, deadlineMs: number): Promise<void> {
  for (const deadline = performance.now() + deadlineMs; performance.now() < deadline; await Bun.sleep(200))
    if ((await sql`select 1 from open_tasks limit 1`).length === 0) return;
  throw new Error("tasks are left");
}
