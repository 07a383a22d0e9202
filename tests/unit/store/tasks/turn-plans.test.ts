import { afterAll, beforeAll, expect, test } from "bun:test";
import {
  claimAttempts,
  listWaitingTenants,
  offerTasks,
  openPool,
  type Sql,
  settleAttempts,
} from "@millrace/store";
import { freshDatabase } from "../../../support/servers.ts";
import { completion, newTask, submitMany } from "../../../support/task-store.ts";

/** As in plans.test.ts: prepared and planned on an empty table, met by the long queue of one tenant. */
const BACKLOG = 200_000;
const WARM_UP_ROUNDS = 8;
const LEVEL = { lane: "short", priority: 5 } as const;
const ACME = { ...LEVEL, tenant: "acme" };
/** Reading the queue's index, let alone its table, takes more than 1 000. */
const PAGES_MAX = 60;
/** Of a task that is submitted or claimed, as in plans.test.ts. */
const PAGES_PER_TASK_MAX = 40;

let sql: Sql;
let seqs: readonly number[];

beforeAll(async () => {
  const database = await freshDatabase({ migrated: true });
  sql = openPool({ url: database.url, max: 1, applicationName: "millrace-test", isByKey: true });
  await sql`analyze`;
  for (let round = 0; round < WARM_UP_ROUNDS; round++) {
    const few = await submitMany(sql, [newTask(), newTask({ tenant: "acme" }), newTask({ tenant: "bolt" })]);
    await listWaitingTenants(sql, LEVEL, { after: null, limit: 4 });
    await listWaitingTenants(sql, LEVEL, { after: "acme", limit: 4 });
    await offerTasks(sql, LEVEL, [{ tenant: "acme", tasks: 4 }]);
    await claim(few);
    await settleAttempts(
      sql,
      "w~1",
      few.map((seq) => completion(seq)),
    );
  }
  await sql`delete from open_tasks`;
  await sql`analyze open_tasks`;
  await sql`alter table open_tasks set (autovacuum_enabled = false)`; // Nobody may mend the statistics meanwhile.
  const rows = await sql<{ seq: number }[]>`
    with made as (
      insert into open_tasks (seq, lane, priority, tenant, ready_at)
      select seq_at(now()) + n, 'short', 5, 'acme', now() from generate_series(1, ${BACKLOG}) n returning seq
    ), asked as (
      insert into tasks (seq, task_id, task_type, owner_id, lane, priority, payload, timeout_s, max_attempts, backoff,
        correlation_id, created_at, tenant)
      select seq, 'backlog-' || seq, 'simulate', 1, 'short', 5, '{}', 30, 3, '{}', 'c', now(), 'acme' from made
      returning seq
    ) select seq from asked order by seq limit 1000`;
  seqs = rows.map(({ seq }) => seq);
  await submitMany(sql, [newTask({ tenant: "bolt" }), newTask({ tenant: "a-1" })]);
}, 60_000);
afterAll(() => sql.end({ timeout: 1 }));

function claim(which: readonly number[]) {
  return claimAttempts(
    sql,
    "w~1",
    which.map((seq) => ({ seq, attempt: 1, turn: ACME })),
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

test("who waits is found without reading the queue of 200 000", async () => {
  for (const after of [null, "a-1", "acme", "bolt"]) {
    let found: readonly string[] = [];
    const pages = await pagesOf(async () => {
      found = (await listWaitingTenants(sql, LEVEL, { after, limit: 8 })).tenants;
    });
    expect(found.toSorted()).toEqual(["a-1", "acme", "bolt"]);
    expect({ after, pages }).toSatisfy((read) => read.pages < PAGES_MAX);
  }
});

test("the oldest of a tenant are found without reading the others", async () => {
  let found = 0;
  const pages = await pagesOf(async () => {
    found = (
      await offerTasks(sql, LEVEL, [
        { tenant: "acme", tasks: 4 },
        { tenant: "bolt", tasks: 1 },
      ])
    ).length;
  });
  expect(found).toBe(5);
  expect(pages).toBeLessThan(3 * PAGES_MAX);
});

test("a claim that asks who waits beside it touches the pages of its own tasks", async () => {
  const which = seqs.slice(100, 120);
  let answers: readonly unknown[] = [];
  const pages = await pagesOf(async () => {
    answers = await claim(which);
  });
  expect(answers).toEqual(which.map(() => ({ kind: "claimed", isShared: true })));
  expect(pages / which.length).toBeLessThan(PAGES_PER_TASK_MAX);
});

test("submitting without a tenant does not read the queue of one", async () => {
  const pages = await pagesOf(() =>
    submitMany(
      sql,
      Array.from({ length: 20 }, () => newTask()),
    ),
  );
  expect(pages / 20).toBeLessThan(PAGES_PER_TASK_MAX);
});
