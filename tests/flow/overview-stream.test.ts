import { afterAll, beforeAll, expect, test } from "bun:test";
import { cpuSeconds } from "../support/cpu-time.ts";
import { untilTrue } from "../support/running-stack.ts";
import { startTaskStack, type TaskStack } from "../support/task-stack.ts";

let stack: TaskStack;
const TEST_MS = 120_000;
const VIEWERS = 100;
const WATCHED_MS = 6_000;

beforeAll(async () => {
  stack = await startTaskStack();
}, TEST_MS);
afterAll(() => stack.close(), TEST_MS);

interface Watching {
  text(): string;
  end(): void;
}

async function watch(token = stack.apiKey): Promise<Watching> {
  const abort = new AbortController();
  const response = await fetch(`${stack.apiUrl}/api/stream`, {
    headers: { Authorization: `Bearer ${token}` },
    signal: abort.signal,
  });
  expect(response.status).toBe(200);
  let text = "";
  const reading = (async () => {
    for await (const chunk of response.body ?? []) text += Buffer.from(chunk).toString();
  })();
  reading.catch(() => {}); // It was ended.
  return { text: () => text, end: () => abort.abort() };
}

/** Transactions of all sessions but the tests' own, as the server has counted them. */
async function transactions(): Promise<number> {
  await stack.sql`select pg_stat_force_next_flush()`;
  const [row] = await stack.sql<{ count: number }[]>`
    select xact_commit::integer as count from pg_stat_database where datname = current_database()`;
  return row?.count ?? 0;
}

async function transactionsWhileWatched(): Promise<number> {
  const before = await transactions();
  await Bun.sleep(WATCHED_MS); // What is measured is the time itself.
  return (await transactions()) - before;
}

test(
  "a hundred viewers make no more queries than one, and take less than a fifth of a core",
  async () => {
    const first = await watch();
    await untilTrue(() => first.text().includes("event: tick"), 30_000, "the first tick");
    const ofOne = await transactionsWhileWatched();
    const others = await Promise.all(Array.from({ length: VIEWERS - 1 }, () => watch()));
    await untilTrue(
      () => others.every((other) => other.text().includes("event: tick")),
      30_000,
      "ticks for all",
    );
    const api = await stack.pidOf("api");
    const [usedS, beganMs] = [cpuSeconds(api), performance.now()];
    const ofAll = await transactionsWhileWatched();
    const share = ((cpuSeconds(api) - usedS) * 1_000) / (performance.now() - beganMs);
    for (const viewer of [first, ...others]) viewer.end();
    expect(ofOne).toBeGreaterThan(0);
    expect(ofAll).toBeLessThan(ofOne * 1.5 + 20);
    expect(share).toBeLessThan(0.2);
  },
  TEST_MS,
);

test(
  "operators are told each step; users their own counts alone, and neither who works nor why something is down",
  async () => {
    const token = await stack.signUp("ben@example.org");
    const [operator, user] = await Promise.all([watch(), watch(token)]);
    const payload = { duration_ms: 50, failure_rate: 0 };
    await stack.submit({ task_id: "not-bens", task_type: "simulate", payload });
    await stack.untilEnded("not-bens", 30_000);
    await untilTrue(() => /event: steps\ndata: .*not-bens/.test(operator.text()), 30_000, "the steps");
    const overviews = () => user.text().split("event: overview").length;
    const seen = overviews();
    await untilTrue(() => overviews() > seen + 2, 30_000, "more of the user's own");
    expect(user.text()).not.toContain("not-bens");
    expect(user.text()).not.toContain("worker_id");
    expect(user.text()).not.toContain('"completed":1');
    operator.end();
    user.end();
    const { status } = await stack.raw("GET", "/api/stream");
    expect(status).toBe(401);
  },
  TEST_MS,
);

test(
  "the numbers of the last hour are there for the first viewer, although nobody watched",
  async () => {
    const { status, body } = await stack.call("GET", "/api/stats");
    expect(status).toBe(200);
    expect(body.counts.completed_1h).toBeGreaterThan(0);
    expect(body.workers).toHaveLength(1);
    expect(body.alerts).toEqual([]);
    const names = body.parts.map(({ name }: { name: string }) => name);
    expect(names).toEqual(
      expect.arrayContaining(["api", "recorder", "scheduler", "worker", "postgres", "nats"]),
    );
    const completed = body.history.reduce(
      (sum: number, bucket: { completed: number }) => sum + bucket.completed,
      0,
    );
    expect(completed).toBe(body.counts.completed_1h);
  },
  TEST_MS,
);
