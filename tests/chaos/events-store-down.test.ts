import { afterAll, beforeAll, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { openPool } from "@millrace/store";
import { type RunningStack, startStack, untilTrue } from "../support/running-stack.ts";
import { type PostgresUnderTest, startPostgres } from "../support/servers.ts";

const TEST_MS = 150_000;
const AWAY_MS = 20_000;
const BEFORE_MS = 2_000;
const LINES = 200;
const PAUSE_MS = 20;
const RSS_GROWTH_MAX = 120e6;

let postgres: PostgresUnderTest;
let stack: RunningStack;
beforeAll(async () => {
  postgres = await startPostgres();
  stack = await startStack({ DATABASE_URL: postgres.url, LOG_LEVEL: "ERROR" });
}, TEST_MS);
afterAll(async () => {
  await stack?.stop();
  await postgres?.stop();
}, TEST_MS);

function rssBytes(pid: number): number {
  const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  return Number(kilobytes) * 1_024;
}

test(
  "PostgreSQL away for twenty seconds under steady load: the api answers 202 all the time in flat memory, the recorder catches up by itself",
  async () => {
    const { api_url: url, api_key: key } = await stack.run();
    const headers = { Authorization: `Bearer ${key}`, "Content-Type": "application/x-ndjson" };
    const statuses = new Map<number, number>();
    let [accepted, slowestMs, isOver] = [0, 0, false];
    const client = async (name: number): Promise<void> => {
      for (let n = 0; !isOver; n++) {
        const lines = Array.from(
          { length: LINES },
          (_, i) => `{"type":"steady","message":"m","id":"${name}-${n}-${i}"}`,
        );
        const startMs = performance.now();
        const response = await fetch(`${url}/api/events`, {
          method: "POST",
          headers,
          body: lines.join("\n"),
        });
        await response.text();
        slowestMs = Math.max(slowestMs, performance.now() - startMs);
        statuses.set(response.status, (statuses.get(response.status) ?? 0) + 1);
        if (response.status === 202) accepted += LINES;
        await Bun.sleep(PAUSE_MS);
      }
    };
    const clients = [1, 2, 3].map(client);
    await Bun.sleep(BEFORE_MS); // The load shall be steady, whatever that takes.
    const pids = await Promise.all(["api", "recorder"].map((name) => stack.pidOf(name)));
    const rssBefore = pids.map(rssBytes);
    const acceptedBefore = accepted;
    await postgres.stop();
    await Bun.sleep(AWAY_MS);
    const rssAfter = pids.map(rssBytes);
    expect(accepted).toBeGreaterThan(acceptedBefore + 10 * LINES);
    await postgres.restart();
    isOver = true;
    await Promise.all(clients);
    expect([...statuses.keys()]).toEqual([202]);
    expect(slowestMs).toBeLessThan(10_000);
    for (const [index, before] of rssBefore.entries())
      expect((rssAfter[index] ?? Number.NaN) - before).toBeLessThan(RSS_GROWTH_MAX);
    expect(await Promise.all(["api", "recorder"].map((name) => stack.pidOf(name)))).toEqual(pids);

    const sql = openPool({ url: postgres.url, max: 1, applicationName: "test" });
    const stored = async (): Promise<number> =>
      (
        await sql<{ n: number }[]>`select count(distinct id)::integer as n from events where type = 'steady'`
      )[0]?.n ?? 0;
    await untilTrue(async () => (await stored()) === accepted, 60_000, "all is stored");
    expect((await sql`select count(*)::integer as n from events where type = 'steady'`)[0]?.n).toBe(accepted);
    await sql.end({ timeout: 1 });
  },
  TEST_MS,
);
