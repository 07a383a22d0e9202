import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  claimAttempts,
  findTasks,
  openPool,
  type Settlement,
  type Sql,
  settleAttempts,
} from "@millrace/store";
import { freshDatabase } from "../../../support/servers.ts";
import { completion, death, failure, newTask, submitMany } from "../../../support/task-store.ts";

/**
 * The statistics about a queue are always wrong: plans made while it was empty meet a backlog a minute later. Here the
 * statements are prepared, often enough for a generic plan, on an empty table that was analysed; then 200 000 tasks
 * arrive. A step that reads more than its own rows is found by the buffers that it touches.
 */
const BACKLOG = 200_000;
const BATCH = 20;
/** PostgreSQL chooses between custom and generic plans from the sixth execution on. */
const WARM_UP_ROUNDS = 8;
/** Of one task: a few pages of each index and table that has to do with it. Reading open_tasks takes 1 700 and more. */
const PAGES_PER_TASK_MAX = 40;

let sql: Sql;
let seqs: readonly number[] = [];

beforeAll(async () => {
  const database = await freshDatabase({ migrated: true });
  sql = openPool({ url: database.url, max: 1, applicationName: "millrace-test", isByKey: true });
  await sql`analyze`;
  for (let round = 0; round < WARM_UP_ROUNDS; round++) {
    const few = await submitMany(sql, [newTask(), newTask(), newTask()]);
    await claimAttempts(
      sql,
      "w~1",
      few.map((seq) => ({ seq, attempt: 1 })),
    );
    await settleAttempts(
      sql,
      "w~1",
      few.map((seq) => completion(seq)),
    );
    const others = await submitMany(sql, [newTask(), newTask(), newTask()]);
    await claimAttempts(
      sql,
      "w~1",
      others.map((seq) => ({ seq, attempt: 1 })),
    );
    await settleAttempts(
      sql,
      "w~1",
      others.map((seq, index) => (index === 0 ? death(seq) : failure(seq))),
    );
    await showSome();
  }
  await sql`delete from open_tasks`;
  await sql`analyze open_tasks`;
  seqs = await fill();
}, 60_000);
afterAll(() => sql.end({ timeout: 1 }));

/** Some of the tasks, from all over the backlog. */
async function fill(): Promise<readonly number[]> {
  await sql`alter table open_tasks set (autovacuum_enabled = false)`; // Nobody may mend the statistics meanwhile.
  const rows = await sql<{ seq: number }[]>`
    with made as (
      insert into open_tasks (seq, lane, priority, ready_at)
      select seq_at(now()) + n, 'short', 5, now() from generate_series(1, ${BACKLOG}) n returning seq
    ), asked as (
      insert into tasks (seq, task_id, task_type, owner_id, lane, priority, payload, timeout_s, max_attempts, backoff,
        correlation_id, created_at)
      select seq, 'backlog-' || seq, 'simulate', 1, 'short', 5, '{}', 30, 3, '{}', 'c', now() from made where seq % 1000 = 0
      returning seq, task_id
    ), keyed as (
      insert into task_keys (task_id, seq) select task_id, seq from asked
    ) select seq from asked order by seq`;
  return rows.map(({ seq }) => seq);
}

/** Some of the tasks of the backlog, with what is asked about them; while there is none, nothing. */
function showSome() {
  return findTasks(
    sql,
    take(0).map((seq) => `backlog-${seq}`),
  );
}

/** Pages of tables and indexes that a step touches, by PostgreSQL's own count. */
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

function take(from: number): readonly number[] {
  return seqs.slice(from, from + BATCH);
}

describe("with a backlog of 200 000 and plans that were made before it", () => {
  test("claiming touches the pages of its own tasks", async () => {
    const claims = take(0).map((seq) => ({ seq, attempt: 1 }));
    let isClaimed = false;
    const pages = await pagesOf(async () => {
      const answers = await claimAttempts(sql, "w~1", claims);
      isClaimed = answers.every(({ kind }) => kind === "claimed");
    });
    expect(isClaimed).toBe(true);
    expect(pages / BATCH).toBeLessThan(PAGES_PER_TASK_MAX);
  });

  test("showing touches the pages of its own tasks", async () => {
    let shown = 0;
    const pages = await pagesOf(async () => {
      shown = (await showSome()).length;
    });
    expect(shown).toBe(BATCH);
    expect(pages / BATCH).toBeLessThan(PAGES_PER_TASK_MAX);
  });

  test("being refused a claim touches the pages of its own tasks", async () => {
    const claims = take(0).map((seq) => ({ seq, attempt: 1 }));
    const pages = await pagesOf(() => claimAttempts(sql, "w~2", claims));
    expect(pages / BATCH).toBeLessThan(PAGES_PER_TASK_MAX);
  });

  test.each([
    ["completions", completion],
    ["failures", failure],
    ["dead ones", death],
    [
      "a mixture",
      (seq: number): Settlement => [completion, failure, death][seq % 3]?.(seq) ?? completion(seq),
    ],
  ] as const)("settling %s touches the pages of its own tasks", async (_, settlement) => {
    const batch = take(40);
    await sql`update open_tasks set attempt = 1, claimed_by = 'w~1', claimed_at = now() where seq = any(${[...batch]}::bigint[])`;
    seqs = seqs.filter((seq) => !batch.includes(seq));
    let isSettled = false;
    const pages = await pagesOf(async () => {
      const answers = await settleAttempts(
        sql,
        "w~1",
        batch.map((seq) => settlement(seq)),
      );
      isSettled = answers.every(({ kind }) => kind === "settled");
    });
    expect(isSettled).toBe(true);
    expect(pages / BATCH).toBeLessThan(PAGES_PER_TASK_MAX);
  });

  test("the measure would notice a whole table being read", async () => {
    expect(await pagesOf(() => sql`select count(priority) from open_tasks`)).toBeGreaterThan(
      BATCH * PAGES_PER_TASK_MAX,
    );
  });
});
