import { expect, test } from "bun:test";
import { openPool } from "@millrace/store";
import { CHAOS_TEST_MS } from "../support/chaos.ts";
import { newDice } from "../support/dice.ts";
import { untilTrue } from "../support/running-stack.ts";
import { tempHome } from "../support/servers.ts";
import { type StackUnderTest, startStack } from "../support/stack-under-test.ts";

const QUICK = 3_000;
const SLOW = 5;
const STOP_MS_MAX = 12_000;
const ENV = { HEARTBEAT_INTERVAL: "1", MAX_WORKERS: "16", LONG_SLOTS: "8" };

test(
  "a stack that is asked to stop in mid-work, twice, goes on where it was: nothing lost, nothing twice, no attempt burnt",
  async () => {
    const dice = newDice();
    const home = await tempHome();
    const first = await startStack({ home, env: ENV });
    await first.ready();
    await submit(first);
    await stopAfter(first, dice.between(100, 1_200));
    const second = await startStack({ home, env: ENV });
    await second.ready();
    await stopAfter(second, dice.between(1_300, 2_400));
    const third = await startStack({ home, env: ENV });
    await third.ready();
    await untilEnded(third, QUICK + SLOW);
    const kinds = await query(
      third,
      (sql) => sql<{ kind: string; count: number }[]>`
      select kind, count(*)::integer as count from outcomes where kind <> 'returned' group by kind`,
    );
    expect([...kinds]).toEqual([{ kind: "completed", count: QUICK + SLOW }]);
  },
  CHAOS_TEST_MS,
);

async function submit(stack: StackUnderTest): Promise<void> {
  const { api_url, api_key } = stack.run();
  const tasks = Array.from({ length: QUICK + SLOW }, (_, index) => ({
    task_type: "simulate",
    ...(index < SLOW && { lane: "long" }),
    payload: { duration_ms: index < SLOW ? 20_000 : 5, failure_rate: 0 },
  }));
  const response = await fetch(`${api_url}/api/tasks/batch`, {
    method: "POST",
    headers: { Authorization: `Bearer ${api_key}`, "Content-Type": "application/json" },
    body: JSON.stringify(tasks),
  });
  expect(await response.json()).toMatchObject({ accepted: tasks.length });
}

async function stopAfter(stack: StackUnderTest, count: number): Promise<void> {
  await untilEnded(stack, count);
  stack.signal("SIGTERM");
  const { status, tookMs } = await stack.ended();
  expect([status, tookMs < STOP_MS_MAX]).toEqual([0, true]);
}

async function untilEnded(stack: StackUnderTest, count: number): Promise<void> {
  await query(stack, (sql) =>
    untilTrue(
      async () => (await sql`select 1 from outcomes where kind = 'completed'`).length >= count,
      60_000,
      `${count} have completed`,
    ),
  );
}

async function query<T>(
  stack: StackUnderTest,
  ask: (sql: ReturnType<typeof openPool>) => PromiseLike<T>,
): Promise<T> {
  const sql = openPool({ url: stack.run().database_url, max: 1, applicationName: "test" });
  try {
    return await ask(sql);
  } finally {
    await sql.end({ timeout: 1 });
  }
}
