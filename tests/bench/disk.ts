/**
 * What a million events and a million tasks leave on the disk: tables with their indexes, WAL that was written (and goes to
 * the backup), and the stream. Sizes, not times: a busy machine does not change them.
 */
import { startTaskStack, type TaskStack } from "../support/task-stack.ts";
import { asNdjson, benchBatch, LINES, perSecond } from "./event-lines.ts";

const EVENT_BATCHES = 200;
const TASK_BATCHES = 120;
const TASKS = 500;
const DEADLINE_MS = 120_000;

interface Disk {
  readonly databaseBytes: number;
  readonly walBytes: number;
  readonly indexBytes: number;
  readonly streamBytes: number;
}

async function disk({ sql, bus }: TaskStack): Promise<Disk> {
  // What is written but only in memory has a size already; a checkpoint in between would add whole pages to the WAL.
  const [row] = await sql<Omit<Disk, "streamBytes">[]>`
    select pg_database_size(current_database())::float8 as "databaseBytes",
      pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::float8 as "walBytes",
      (select coalesce(sum(pg_relation_size(oid)), 0) from pg_class where relkind = 'i')::float8 as "indexBytes"`;
  const { state } = await bus.manager.streams.info("EVENTS");
  return { databaseBytes: 0, walBytes: 0, indexBytes: 0, ...row, streamBytes: state.bytes };
}

async function until(isTrue: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + DEADLINE_MS;
  while (!(await isTrue())) {
    if (performance.now() > deadline) throw new Error("it was not done in time");
    await Bun.sleep(250);
  }
}

async function countEvents({ sql }: TaskStack): Promise<number> {
  const [row] = await sql<{ count: number }[]>`select count(*)::int from events`;
  return row?.count ?? 0;
}

async function storeEvents(stack: TaskStack): Promise<number> {
  const already = await countEvents(stack);
  const headers = { "Content-Type": "application/x-ndjson" };
  for (let batch = 0; batch < EVENT_BATCHES; batch += 1) {
    const body = new Uint8Array(asNdjson(benchBatch(batch)));
    const { status } = await stack.raw("POST", "/api/events", { token: stack.apiKey, headers, body });
    if (status !== 202) throw new Error(`not accepted: ${status}`);
  }
  const events = EVENT_BATCHES * LINES;
  await until(async () => (await countEvents(stack)) >= already + events);
  return events;
}

async function runTasks(stack: TaskStack): Promise<number> {
  // 150 bytes of payload, as a URL with a body would be.
  const payload = { duration_ms: 0, failure_rate: 0, seed: "x".repeat(100) };
  const batch = Array.from({ length: TASKS }, () => ({ task_type: "simulate", payload }));
  for (let round = 0; round < TASK_BATCHES; round += 1) await stack.submitAll(batch);
  await until(async () => (await stack.sql`select 1 from open_tasks limit 1`).length === 0);
  return TASK_BATCHES * TASKS;
}

export async function benchDisk(say: (line: string) => void): Promise<void> {
  const stack = await startTaskStack({ MAX_WORKERS: "200", LONG_SLOTS: "2", LOG_LEVEL: "WARNING" });
  try {
    // The first rows of each table bring whole pages with them.
    await storeEvents(stack);
    await runTasks(stack);
    for (const [what, work] of [
      ["events of 240 bytes", storeEvents],
      ["tasks of 150 bytes, run once", runTasks],
    ] as const) {
      const before = await disk(stack);
      const count = await work(stack);
      const after = await disk(stack);
      const perMillion = (name: keyof Disk) => `${perSecond((after[name] - before[name]) / count)} MB`;
      say(
        `a million ${what}: PostgreSQL ${perMillion("databaseBytes")}, of which indexes ${perMillion("indexBytes")}; WAL ${perMillion("walBytes")}; EVENTS ${perMillion("streamBytes")}`,
      );
    }
  } finally {
    await stack.close();
  }
}
