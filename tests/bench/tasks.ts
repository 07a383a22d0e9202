/**
 * Tasks over HTTP, on the whole product as `bun start` runs it, everything durable: fsync in PostgreSQL and NATS,
 * claims, history and both list indexes on. The load generator runs on the same cores.
 */
import { openPool } from "@millrace/store";
import { cpuSeconds } from "../support/cpu-time.ts";
import { percentile, runLoad } from "../support/http-load.ts";
import { type RunningStack, startStack } from "../support/running-stack.ts";

const BATCH = 500;
const SLOTS = 400;

const noop = { task_type: "simulate", payload: { duration_ms: 0, failure_rate: 0 } };

export async function benchTasks(say: (line: string) => void): Promise<void> {
  const stack = await startStack({ MAX_WORKERS: String(SLOTS), LONG_SLOTS: "2", LOG_LEVEL: "WARNING" });
  try {
    await idleLatency(stack, say);
    await submitAndRun(stack, 20_000, () => {}); // Warms the compilers and caches of all processes.
    await submitAndRun(stack, 120_000, say);
    await submitAndRun(stack, 120_000, say);
  } finally {
    await stack.stop();
  }
  // Alone: a worker that runs what is submitted would be measured as well. Slots 1 and a long lane keep it away.
  const submitOnly = await startStack({ MAX_WORKERS: "1", LONG_SLOTS: "1", LOG_LEVEL: "WARNING" });
  try {
    await singleSubmits(submitOnly, 20_000, () => {});
    await singleSubmits(submitOnly, 100_000, say);
    await singleSubmits(submitOnly, 100_000, say);
  } finally {
    await submitOnly.stop();
  }
}

async function submitAndRun(stack: RunningStack, tasks: number, say: (line: string) => void): Promise<void> {
  const { api_url: url, api_key: key, database_url: databaseUrl } = await stack.run();
  const sql = openPool({ url: databaseUrl, max: 1, applicationName: "bench" });
  const body = JSON.stringify(Array.from({ length: BATCH }, () => noop));
  const cpuBefore = await cpuByProcess(stack);
  const [{ began } = { began: new Date() }] = await sql<{ began: Date }[]>`select clock_timestamp() as began`;
  const report = await runLoad({
    url,
    path: "/api/tasks/batch",
    headers: { Authorization: `Bearer ${key}` },
    connections: 4,
    requests: tasks / BATCH,
    body: () => body,
  });
  // Looked at rarely, and timed by the rows: a look reads past all rows that were deleted a moment ago.
  for (const deadline = performance.now() + 180_000; performance.now() < deadline; await Bun.sleep(500))
    if ((await sql`select 1 from open_tasks limit 1`).length === 0) break;
  const [ran] = await sql<{ seconds: number; tasks: number }[]>`
    select extract(epoch from max(ended_at) - ${began})::float8 as seconds, count(*)::integer as tasks
    from outcomes where ended_at >= ${began} and kind = 'completed'`;
  await sql.end();
  if (ran?.tasks !== tasks) throw new Error(`${ran?.tasks} of ${tasks} tasks completed`);
  const { seconds } = ran;
  const cpu = await cpuByProcess(stack);
  const micros = [...cpu].map(
    ([name, used]) => `${name} ${Math.round(((used - (cpuBefore.get(name) ?? 0)) * 1e6) / tasks)}`,
  );
  say(
    `submit + run, batches of ${BATCH}: ${perSecond(tasks / seconds)} tasks/s (submitted at ${perSecond(report.requestsPerSecond * BATCH)})`,
  );
  say(`  CPU per task in µs: ${micros.join(", ")}`);
}

async function cpuByProcess(stack: RunningStack): Promise<ReadonlyMap<string, number>> {
  const { processes } = await stack.run();
  const used = new Map(processes.map(({ name, pid }) => [name, cpuSeconds(pid)]));
  return used.set("load", process.cpuUsage().user / 1e6 + process.cpuUsage().system / 1e6);
}

async function singleSubmits(
  stack: RunningStack,
  requests: number,
  say: (line: string) => void,
): Promise<void> {
  const { api_url: url, api_key: key } = await stack.run();
  const body = JSON.stringify(noop);
  const report = await runLoad({
    url,
    path: "/api/tasks",
    headers: { Authorization: `Bearer ${key}` },
    connections: 128,
    requests,
    body: () => body,
  });
  const bad = [...report.statuses].filter(([status]) => status !== 201);
  say(
    `single submits, 128 connections: ${perSecond(report.requestsPerSecond)} requests/s, p50 ${percentile(report.latenciesMs, 0.5).toFixed(1)} ms, p99 ${percentile(report.latenciesMs, 0.99).toFixed(1)} ms${bad.length > 0 ? `, NOT 201: ${JSON.stringify(bad)}` : ""}`,
  );
}

/** From the commit of a task to the commit of its claim, by the database's clock, one task at a time. */
async function idleLatency(stack: RunningStack, say: (line: string) => void): Promise<void> {
  const ids: string[] = [];
  for (let n = 0; n < 200; n++) {
    const { body } = await stack.call("POST", "/api/tasks", noop);
    ids.push(body.task_id);
    await Bun.sleep(20);
  }
  const { database_url: databaseUrl } = await stack.run();
  const sql = openPool({ url: databaseUrl, max: 1, applicationName: "bench" });
  const rows = await sql<{ ms: number }[]>`
    select extract(epoch from o.started_at - t.created_at)::float8 * 1000 as ms
    from task_keys k join tasks t on t.seq = k.seq join outcomes o on o.seq = k.seq
    where k.task_id = any(${ids}::text[])`;
  await sql.end();
  const sorted = Float64Array.from(rows, (row) => row.ms).sort();
  say(
    `submit to start, idle: p50 ${percentile(sorted, 0.5).toFixed(1)} ms, p99 ${percentile(sorted, 0.99).toFixed(1)} ms (${sorted.length} tasks)`,
  );
}

function perSecond(value: number): string {
  return Math.round(value).toLocaleString("en").replaceAll(",", " ");
}
