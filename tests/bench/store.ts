/**
 * The statements of a task's life against PostgreSQL alone, one connection, groups of 500: first on empty tables, then
 * with two million finished and one million waiting tasks in them. The second figure over the first is what history and
 * a backlog cost the queue.
 */
import {
  claimAttempts,
  migrate,
  type NewTask,
  openPool,
  type Sql,
  settleAttempts,
  submitTasks,
} from "@millrace/store";
import { startPostgres } from "../support/servers.ts";

const GROUP = 500;
const GROUPS = 80;
const FINISHED = 2_000_000;
const WAITING = 1_000_000;
const SESSION = "bench~1";

interface Rates {
  readonly submit: number;
  readonly claim: number;
  readonly settle: number;
}

export async function benchStore(say: (line: string) => void): Promise<void> {
  const server = await startPostgres(); // Durable, as in the product; the tests' shared one is not.
  await migrate(server.url);
  const sql = openPool({ url: server.url, max: 1, applicationName: "bench", isByKey: true });
  try {
    await measure(sql); // Warms caches and plans.
    const empty = await measure(sql);
    say(`empty tables:                    ${describe(empty)}`);
    await fill(sql);
    const full = await measure(sql);
    say(`2 M finished, 1 M waiting:       ${describe(full)}`);
    say(
      `ratio:                           submit ${ratio(full.submit, empty.submit)}, claim ${ratio(full.claim, empty.claim)}, settle ${ratio(full.settle, empty.settle)}`,
    );
  } finally {
    await sql.end();
    await server.stop();
  }
}

async function measure(sql: Sql): Promise<Rates> {
  const groups: number[][] = [];
  const submit = await rate(async () => {
    for (let n = 0; n < GROUPS; n++) {
      const answers = await submitTasks(sql, Array.from({ length: GROUP }, newTask));
      groups.push(answers.flatMap((answer) => (answer.kind === "stored" ? [answer.seq] : [])));
    }
  });
  const claim = await rate(async () => {
    for (const seqs of groups)
      await claimAttempts(
        sql,
        SESSION,
        seqs.map((seq) => ({ seq, attempt: 1 })),
      );
  });
  const settle = await rate(async () => {
    for (const seqs of groups)
      await settleAttempts(
        sql,
        SESSION,
        seqs.map((seq) => ({ seq, attempt: 1, kind: "completed" as const, result: { slept_ms: 0 } })),
      );
  });
  return { submit, claim, settle };
}

async function rate(run: () => Promise<void>): Promise<number> {
  const startedAt = performance.now();
  await run();
  return (GROUP * GROUPS * 1000) / (performance.now() - startedAt);
}

function newTask(): NewTask {
  return {
    task_id: Bun.randomUUIDv7(),
    task_type: "simulate",
    owner_id: 1,
    lane: "short",
    priority: 5,
    payload: { duration_ms: 0, failure_rate: 0 },
    dependencies: null,
    timeout_s: 30,
    max_attempts: 3,
    backoff: { initial_ms: 1_000, factor: 2, max_ms: 60_000, jitter: true },
    run_at: null,
    tenant: null,
    correlation_id: Bun.randomUUIDv7(),
  };
}

/** History of the last hours, and a backlog that has waited for some minutes; vacuumed, as they would be by then. */
async function fill(sql: Sql): Promise<void> {
  const columns =
    "task_type, owner_id, lane, priority, timeout_s, max_attempts, backoff, correlation_id, created_at, payload";
  const values = `'simulate', 1, 'short', 1, 30, 3, '{"initial_ms":1000,"factor":2,"max_ms":60000,"jitter":true}', 'bench',
    clock_timestamp(), '{"duration_ms":0,"failure_rate":0}'`;
  await sql.unsafe(`
    insert into tasks (seq, task_id, ${columns})
    select seq_at(now() - interval '2 hours') + g::bigint * 4096 / 500, 'bench-' || g, ${values}
    from generate_series(1, ${FINISHED + WAITING}) g`);
  await sql.unsafe("insert into task_keys select task_id, seq from tasks where task_id like 'bench-%'");
  await sql.unsafe(`
    insert into outcomes (seq, attempt, kind, claimed_by, started_at, ended_at, result)
    select seq, 1, 'completed', 'bench~0', now(), now(), '{"slept_ms":0}'
    from tasks where task_id like 'bench-%' order by seq limit ${FINISHED}`);
  await sql.unsafe(`
    insert into open_tasks (seq, lane, priority, ready_at)
    select seq, lane, priority, now() - interval '3 minutes' from tasks
    where task_id like 'bench-%' order by seq desc limit ${WAITING}`);
  for (const table of ["tasks", "task_keys", "outcomes", "open_tasks"])
    await sql.unsafe(`vacuum analyze ${table}`);
}

function describe({ submit, claim, settle }: Rates): string {
  return `submit ${perSecond(submit)}, claim ${perSecond(claim)}, settle ${perSecond(settle)} tasks/s`;
}

function perSecond(value: number): string {
  return Math.round(value).toLocaleString("en").replaceAll(",", " ");
}

function ratio(one: number, other: number): string {
  return (one / other).toFixed(2);
}
