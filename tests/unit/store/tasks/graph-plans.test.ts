import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { cancelTasks, fillPayload, openPool, readGraph, reopenTasks, type Sql } from "@millrace/store";
import { advanceAll, end, submitShape } from "../../../support/graph-store.ts";
import { freshDatabase } from "../../../support/servers.ts";

/**
 * As in `plans.test.ts`: the statements are prepared while the tables are empty, and a step that reads more than its own
 * rows is found by the pages that it touches when 200 000 edges and tasks are there.
 */
const BACKLOG = 200_000;
const WARM_UP_ROUNDS = 8;
/** A step of a graph of a few tasks; reading all edges takes 1 500 and more. */
const PAGES_MAX = 700;

let sql: Sql;
let people: Sql;
beforeAll(async () => {
  const database = await freshDatabase({ migrated: true });
  sql = openPool({ url: database.url, max: 1, applicationName: "test", isByKey: true });
  people = openPool({ url: database.url, max: 1, applicationName: "test" });
  await sql`analyze`;
  for (let round = 0; round < WARM_UP_ROUNDS; round++) await live(`warm${round}`);
  await sql`delete from open_tasks`;
  await sql`delete from ended_parents`;
  await sql`analyze open_tasks, task_edges, tasks, outcomes`;
  await sql`alter table open_tasks set (autovacuum_enabled = false)`;
  await sql`
    with made as (
      insert into open_tasks (seq, lane, priority, ready_at, waiting_for, has_children)
      select seq_at(now()) + n, 'short', 5, now(), 1, true from generate_series(1, ${BACKLOG}) n returning seq
    ), asked as (
      insert into tasks (seq, task_id, task_type, owner_id, lane, priority, payload, dependencies, timeout_s,
        max_attempts, backoff, correlation_id, created_at)
      select seq, 'backlog-' || seq, 'simulate', 1, 'short', 5, '{}', '["x"]', 30, 3, '{}', 'c', now() from made
    )
    insert into task_edges (parent, child, met, runs_anyway) select seq - 1, seq, null, false from made`;
}, 60_000);
afterAll(async () => {
  await sql.end({ timeout: 1 });
  await people.end({ timeout: 1 });
});

/** The whole life of a small graph: every statement of it is run. Pages of each step. */
async function live(name: string): Promise<Readonly<Record<string, number>>> {
  const pages: Record<string, number> = {};
  const step = async (what: string, run: () => Promise<unknown>): Promise<void> => {
    const before = await readPages();
    await run();
    pages[what] = (await readPages()) - before;
  };
  const [a, b, c, d] = ["a", "b", "c", "d"].map((id) => `${name}-${id}`);
  const shape = { [`${a}`]: [], [`${b}`]: [`${a}`], [`${c}`]: [`${b}`], [`${d}`]: [`${b}`, `${c}`] };
  const seqs: number[] = [];
  await step("submit", async () => void seqs.push(...(await submitShape(sql, shape)).values()));
  await step("submit a child", () => submitShape(sql, { [`${name}-e`]: [`${a}`] }));
  await end(sql, seqs.slice(0, 1));
  await step("release", () => advanceAll(sql));
  await step("fill", () => fillPayload(sql, seqs[1] ?? 0, `{{tasks.${a}.result.seq}}`));
  await end(sql, seqs.slice(1, 2), "dead");
  await step("fail", () => advanceAll(sql));
  await step("bring back", () => reopenTasks(sql, { seqs, redrivenBy: 1 }));
  await step("look", async () => {
    expect((await readGraph(people, seqs[1] ?? 0)).nodes).toHaveLength(5);
  });
  await step("cancel", () => cancelTasks(sql, seqs, "test"));
  await step("tell of the cancelled", () => advanceAll(sql));
  return pages;
}

async function readPages(): Promise<number> {
  await Promise.all([sql`select pg_stat_force_next_flush()`, people`select pg_stat_force_next_flush()`]);
  const [row] = await sql<{ pages: number }[]>`
    select (sum(heap_blks_read + heap_blks_hit + coalesce(idx_blks_read + idx_blks_hit, 0)))::bigint as pages
    from pg_statio_user_tables`;
  return row?.pages ?? 0;
}

describe("with 200 000 edges and plans that were made before them", () => {
  test("each step of a graph of five touches the pages of its own tasks", async () => {
    const pages = await live("after");
    const tooMany = Object.entries(pages).filter(([, count]) => count > PAGES_MAX);
    expect({ tooMany, pages }).toEqual({ tooMany: [], pages });
  });

  test("the measure would notice all edges being read", async () => {
    const before = await readPages();
    await sql`select count(runs_anyway) from task_edges`;
    expect((await readPages()) - before).toBeGreaterThan(PAGES_MAX);
  });
});
