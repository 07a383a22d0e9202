import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { listOverdueLevels, listShelvedTypes, openPool, type RemoteWorker, type Sql } from "@millrace/store";
import { lease, register } from "../../../support/remote-workers.ts";
import { freshDatabase } from "../../../support/servers.ts";
import { newTask, submitMany } from "../../../support/task-store.ts";

/**
 * As `../tasks/plans.test.ts`: the statements are prepared on empty tables, then 200 000 tasks wait on the shelf that
 * nobody can run, and 200 000 that somebody can. Whoever reads more than its own rows is found by the pages it touches.
 */
const BACKLOG = 200_000;
const WARM_UP_ROUNDS = 8;
const LEASED = 20;
/** Six indexes and the row, read and written; the ways down to a task's partition. Reading the backlog takes thousands. */
const PAGES_PER_TASK_MAX = 120;
/** Two types, two lanes, ten priorities, each looked up twice, by index. */
const PAGES_IDLE_MAX = 800;

let sql: Sql;
let worker: RemoteWorker;
let own: RemoteWorker;
let idle: RemoteWorker;

beforeAll(async () => {
  const database = await freshDatabase({ migrated: true });
  sql = openPool({ url: database.url, max: 1, applicationName: "millrace-test", isByKey: true });
  await sql`analyze`;
  const slots = { maxConcurrentTasks: 1_000 };
  worker = await register(sql, { ...slots, workerId: "w" });
  own = await register(sql, { ...slots, workerId: "own", servesAll: false, ownerId: 2 });
  idle = await register(sql, {
    ...slots,
    workerId: "idle",
    capabilities: ["nothing.of.that", "nor.of.that"],
  });
  for (let round = 0; round < WARM_UP_ROUNDS; round++) {
    await submitMany(sql, [newTask({ task_type: "render" }), newTask({ task_type: "render", owner_id: 2 })]);
    for (const each of [own, worker, idle]) await lease(sql, each);
  }
  await sql`delete from open_tasks`;
  await sql`analyze open_tasks`;
  await sql`alter table open_tasks set (autovacuum_enabled = false)`;
  for (const type of ["render", "unknown"]) await shelve(type);
}, 60_000);
afterAll(() => sql.end({ timeout: 1 }));

async function shelve(type: string): Promise<void> {
  const offset = type === "render" ? 0 : BACKLOG;
  await sql`
    with made as (
      insert into open_tasks (seq, lane, priority, ready_at, lease_type, lease_owner, is_shelved)
      select seq_at(now()) + ${offset}::integer + n, 'short', 5, now() - interval '1 hour', ${type}, 1 + n % 2, true
      from generate_series(1, ${BACKLOG}) n returning seq
    )
    insert into tasks (seq, task_id, task_type, owner_id, lane, priority, payload, timeout_s, max_attempts, backoff,
      correlation_id, created_at)
    select seq, 'backlog-' || seq, ${type}, 1, 'short', 5, '{}', 30, 3, '{}', 'c', now() from made`;
}

async function pagesOf(step: () => Promise<unknown>): Promise<number> {
  const before = await readPages();
  await step();
  return (await readPages()) - before;
}

async function readPages(): Promise<number> {
  await sql`select pg_stat_force_next_flush()`;
  const [row] = await sql<{ pages: number }[]>`
    select (sum(heap_blks_read + heap_blks_hit + coalesce(idx_blks_read + idx_blks_hit, 0)))::bigint as pages
    from pg_statio_user_tables`;
  return row?.pages ?? 0;
}

describe("with 400 000 on the shelf and plans that were made before them", () => {
  test("leasing touches the pages of what is leased", async () => {
    const counts: number[] = [];
    const pages = await pagesOf(async () => {
      for (const each of [worker, own])
        counts.push((await lease(sql, each, { tasksMax: LEASED })).tasks.length);
    });
    expect(counts).toEqual([LEASED, LEASED]);
    expect(pages / (2 * LEASED)).toBeLessThan(PAGES_PER_TASK_MAX);
  });

  test("finding nothing costs the same few pages, whatever waits for others", async () => {
    expect(await pagesOf(() => lease(sql, idle))).toBeLessThan(PAGES_IDLE_MAX);
  });

  test("the reconciler and the keeper of routes meet none of them", async () => {
    const future = new Date(Date.now() + 3_600_000);
    const pages = await pagesOf(async () => {
      expect(await listOverdueLevels(sql, future)).toEqual([]);
      expect(await listShelvedTypes(sql)).toEqual(["render", "unknown"]);
    });
    expect(pages).toBeLessThan(PAGES_IDLE_MAX);
  });
});
