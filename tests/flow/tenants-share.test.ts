// On a disk: it counts which tasks start before others do.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { untilTrue } from "../support/running-stack.ts";
import { startTaskStack, type TaskStack, type TaskWish } from "../support/task-stack.ts";

const SLOTS = 16;
const BACKLOG = 20_000;
const FEW = 20;
/**
 * A tenant's turn comes once in each round, so while the few of the others run, the long queue has as many turns. Besides,
 * what starts between the moment that the few were made and the first claim that sees them: some slots' worth.
 */
const OVERTAKEN_MAX = FEW + 6 * SLOTS;

let stack: TaskStack;
beforeAll(async () => {
  stack = await startTaskStack({ MAX_WORKERS: String(SLOTS + 1), LONG_SLOTS: "1" });
}, 90_000);
afterAll(() => stack?.close());

interface Wishes {
  readonly prefix: string;
  readonly tenant?: string;
  readonly priority?: number;
  readonly durationMs?: number;
}

function wishesOf(
  count: number,
  { prefix, tenant, priority = 5, durationMs = 2 }: Wishes,
): readonly TaskWish[] {
  return Array.from({ length: count }, (_, index) => ({
    ...{ task_id: `${prefix}-${index}`, task_type: "simulate", lane: "short", priority },
    payload: { duration_ms: durationMs, failure_rate: 0 },
    ...(tenant !== undefined && { tenant }),
  }));
}

async function countOf(prefix: string): Promise<{ completed: number; tasks: number }> {
  const [row] = await stack.sql<{ completed: number; tasks: number }[]>`
    select count(*) filter (where o.kind = 'completed')::integer as completed, count(distinct t.seq)::integer as tasks
    from tasks t left join outcomes o using (seq) where t.task_id like ${`${prefix}-%`}`;
  return row ?? { completed: 0, tasks: 0 };
}

/** Tasks of the long queue that started after the few were stored and before the last of them did. */
async function overtaken(long: string, few: string): Promise<number> {
  const [row] = await stack.sql<{ started: number }[]>`
    with few as (
      select max(t.created_at) as stored, max(o.started_at) as started from tasks t join outcomes o using (seq)
      where t.task_id like ${`${few}%`}
    )
    select count(*)::integer as started from tasks t join outcomes o using (seq), few
    where t.task_id like ${`${long}-%`} and o.started_at > few.stored and o.started_at < few.started`;
  return row?.started ?? Number.NaN;
}

/** Tasks that the worker started in the place of others' messages. */
async function turnsTaken(): Promise<number> {
  const terminal = await Bun.file(join(stack.home, "terminal.log")).text();
  const url = /^ {2}worker +(http:\S+)$/m.exec(terminal)?.[1];
  const text = await (await fetch(`${url}/metrics`)).text();
  return Number(/^millrace_tenant_turns_total(?:\{[^}]*\})? (\d+)$/m.exec(text)?.[1] ?? 0);
}

describe.each([
  ["a tenant's", "acme"],
  ["nobody's", undefined],
] as const)("behind 20 000 tasks of %s", (_, tenant) => {
  const long = `long-${tenant ?? "none"}`;
  const few = `few-${tenant ?? "none"}`;

  test("20 of two others each start before a few more of them have, also while the scheduler is dead", async () => {
    await stack.submitAll(wishesOf(BACKLOG, { prefix: long, ...(tenant && { tenant }) }));
    await untilTrue(async () => (await countOf(long)).completed > 100, 30_000, "a queue that runs");
    process.kill(await stack.pidOf("scheduler"), "SIGKILL");
    await Promise.all(
      ["bolt", "crown"].map((name) =>
        stack.submitAll(wishesOf(FEW, { prefix: `${few}-${name}`, tenant: name })),
      ),
    );
    await stack.untilNoneOpen(few, 60_000);
    const { completed } = await countOf(long);
    expect(completed).toBeLessThan(BACKLOG);
    const passed = await overtaken(long, few);
    process.stdout.write(`${passed} of the long queue started meanwhile; ${completed} were done\n`);
    expect(passed).toBeLessThanOrEqual(OVERTAKEN_MAX);
  }, 120_000);

  test("nothing is lost, and nothing runs twice", async () => {
    await stack.untilNoneOpen(long, 120_000);
    expect(await countOf(long)).toEqual({ completed: BACKLOG, tasks: BACKLOG });
    expect(await countOf(few)).toEqual({ completed: 2 * FEW, tasks: 2 * FEW });
  }, 150_000);
});

describe.each([["acme"], [undefined]] as const)("tenant %p alone", (tenant) => {
  const prefix = `alone-${tenant ?? "none"}`;
  const tasks = 3_000;

  test("runs by its messages alone: no task waits for a scheduler, and no message is given away", async () => {
    const taken = await turnsTaken();
    const scheduler = await stack.pidOf("scheduler");
    process.kill(scheduler, "SIGSTOP");
    try {
      await stack.submitAll(
        wishesOf(tasks, { prefix, ...(tenant && { tenant }), priority: 6, durationMs: 0 }),
      );
      await stack.untilNoneOpen(prefix, 60_000);
    } finally {
      process.kill(scheduler, "SIGCONT");
    }
    expect(await countOf(prefix)).toEqual({ completed: tasks, tasks });
    expect(await turnsTaken()).toBe(taken);
  }, 90_000);
});

test("two tenants with many tasks each start them turn for turn", async () => {
  const [long, short] = ["ratio-long", "ratio-short"];
  await stack.submitAll(wishesOf(3_000, { prefix: long, tenant: "acme", priority: 7 }));
  await stack.submitAll(wishesOf(300, { prefix: short, tenant: "bolt", priority: 7 }));
  await stack.untilNoneOpen("ratio-", 90_000);
  // Turn for turn: while 300 of one ran, about 300 of the other did, and each message was started or found to be stale.
  expect(await overtaken(long, short)).toBeLessThanOrEqual(300 * 1.5 + 6 * SLOTS);
  expect(await countOf("ratio")).toEqual({ completed: 3_300, tasks: 3_300 });
}, 120_000);
