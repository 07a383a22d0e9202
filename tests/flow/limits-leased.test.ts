import { afterAll, beforeAll, expect, test } from "bun:test";
import { type Client, createClient } from "@millrace/client";
import { type ApiProcess, startApiProcess } from "../support/api-process.ts";
import { onSharedPostgres } from "../support/on-shared-postgres.ts";
import { untilTrue } from "../support/running-stack.ts";
import { startTaskStack, type TaskStack } from "../support/task-stack.ts";

const WAIT_MS = 90_000;
const TASKS = 30;
const AT_ONCE = 2;
const PER_SECOND = 5;
/** What a rate without a burst of its own starts with: what one second brings. */
const BURST = 5;

let stack: TaskStack;
let second: ApiProcess;
let clients: readonly [Client, Client];
beforeAll(async () => {
  const secret = { JWT_SECRET: "a secret that two api processes share" };
  stack = await startTaskStack(await onSharedPostgres(secret));
  const { database_url: databaseUrl, nats_url: natsUrl } = await stack.run();
  const env = {
    ...{ PATH: "/usr/bin:/bin", DATABASE_URL: databaseUrl, NATS_URL: natsUrl, LOG_FORMAT: "json" },
    ...{ STORAGE_URL: `file:${stack.home}/files-2`, ...secret },
  };
  second = await startApiProcess({ env });
  const apiKey = stack.apiKey;
  clients = [createClient({ baseUrl: stack.apiUrl, apiKey }), createClient({ baseUrl: second.url, apiKey })];
}, 120_000);
afterAll(async () => {
  await second?.stop();
  await stack?.close();
}, 60_000);

interface Work {
  readonly taskType: string;
  /** Those that run now, as the workers see it, and the most of them. */
  running: number;
  most: number;
  isOver: boolean;
}

/** Leases at one api and completes at the other. */
async function work(workerId: string, work: Work, turn: number): Promise<void> {
  const [one, other] = turn % 2 === 0 ? clients : [clients[1], clients[0]];
  await one.workers.register({
    ...{ worker_id: workerId, capabilities: [work.taskType] },
    ...{ max_concurrent_tasks: 5, heartbeat_interval: 60 },
  });
  while (!work.isOver) {
    const { tasks } = await one.workers.lease(workerId, { max_tasks: 5, wait_seconds: 2 });
    work.running += tasks.length;
    work.most = Math.max(work.most, work.running);
    await Promise.all(
      tasks.map(async (task) => {
        await Bun.sleep(100); // The work.
        work.running -= 1; // Before its permit is free: the count may only be too low by what is on its way.
        await other.workers.complete(task, null);
      }),
    );
  }
}

interface Span {
  readonly from: number;
  readonly to: number;
}

async function spansOf(prefix: string): Promise<readonly Span[]> {
  return await stack.sql<Span[]>`
    select extract(epoch from o.started_at)::float8 as from, extract(epoch from o.ended_at)::float8 as to
    from outcomes o join tasks t using (seq) where t.task_id like ${`${prefix}-%`} order by o.started_at`;
}

test("a type's limits hold for three workers over two apis: 30 tasks, 2 at once, 5 a second, none lost", async () => {
  const limit = { scope: "type", name: "resize", max_concurrent: AT_ONCE, rate_per_second: PER_SECOND };
  expect((await stack.call("PUT", "/api/limits", limit)).status).toBe(200);
  const job: Work = { taskType: "resize", running: 0, most: 0, isOver: false };
  const workers = [0, 1, 2].map((turn) => work(`http-${turn}`, job, turn));
  await stack.submitAll(
    Array.from({ length: TASKS }, (_, index) => ({ task_id: `resize-${index}`, task_type: "resize" })),
  );
  // Whoever does not run waits for the limit, and says so.
  const saysWhy = async (): Promise<boolean> => {
    const [parked] = await stack.sql<{ task_id: string }[]>`
      select task_id from open_tasks join task_keys using (seq) where parked_for = 'limit:type:resize' order by seq desc limit 1`;
    if (parked === undefined) return false;
    const { body } = await stack.call("GET", `/api/tasks/${parked.task_id}/why`);
    return body.reason === "limit" && body.summary.includes("5 per second and 2 at once");
  };
  await untilTrue(saysWhy, WAIT_MS, "one that waits for the limit");
  await stack.untilNoneOpen("resize-", WAIT_MS);
  job.isOver = true;
  await Promise.all(workers);

  const spans = await spansOf("resize");
  expect(spans).toHaveLength(TASKS); // One attempt each: waiting uses up none.
  const [ended] = await stack.sql`
    select count(*)::integer as completed from outcomes join tasks using (seq)
    where task_type = 'resize' and kind = 'completed'`;
  expect(ended?.completed).toBe(TASKS);
  for (const { from } of spans)
    expect(spans.filter((other) => other.from <= from && other.to > from).length).toBeLessThanOrEqual(
      AT_ONCE,
    );
  expect(job.most).toBeLessThanOrEqual(AT_ONCE);
  // In any span of time: what the rate brings, a burst, and one that was on its way.
  for (const [first, { from }] of spans.entries())
    for (const [last, { from: to }] of spans.entries())
      if (last >= first) expect(last - first + 1).toBeLessThanOrEqual(BURST + PER_SECOND * (to - from) + 1);
}, 180_000);

test("when the limit goes, what it held back goes on; when an api dies, nothing stays taken", async () => {
  const limit = { scope: "type", name: "shrink", max_concurrent: 1 };
  await stack.call("PUT", "/api/limits", limit);
  const [one] = clients;
  const wish = { worker_id: "w", capabilities: ["shrink"], max_concurrent_tasks: 5, heartbeat_interval: 60 };
  await clients[1].workers.register(wish);
  await stack.submitAll(
    Array.from({ length: 3 }, (_, index) => ({ task_id: `shrink-${index}`, task_type: "shrink" })),
  );
  const [task] = (await clients[1].workers.lease("w", { max_tasks: 5, wait_seconds: 20 })).tasks;
  await second.kill9();
  expect((await one.workers.lease("w", { max_tasks: 5, wait_seconds: 1 })).tasks).toEqual([]);
  if (task === undefined) throw new Error("one was leased");
  await one.workers.complete(task, null);
  const next = await one.workers.lease("w", { max_tasks: 5, wait_seconds: 20 });
  expect(next.tasks).toHaveLength(1);
  expect((await stack.call("DELETE", "/api/limits/type/shrink")).status).toBe(204);
  const last = await one.workers.lease("w", { max_tasks: 5, wait_seconds: 20 });
  expect(last.tasks).toHaveLength(1);
}, 120_000);

test("a paused type is not leased, and neither is a paused lane", async () => {
  const [one] = clients;
  await one.workers.register({
    ...{ worker_id: "p", capabilities: ["pausable"], max_concurrent_tasks: 5, heartbeat_interval: 60 },
  });
  for (const name of ["pausable", "long"]) {
    await stack.call("POST", `/api/queues/${name}/pause`);
    await stack.submit({ task_id: `paused-${name}`, task_type: "pausable", lane: "long" });
    expect((await one.workers.lease("p", { max_tasks: 1, wait_seconds: 1 })).tasks).toEqual([]);
    const leasing = one.workers.lease("p", { max_tasks: 1, wait_seconds: 30 });
    await stack.call("POST", `/api/queues/${name}/resume`);
    expect((await leasing).tasks).toMatchObject([{ task_id: `paused-${name}` }]);
  }
}, 120_000);
