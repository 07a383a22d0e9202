import { afterAll, beforeAll, expect, test } from "bun:test";
import { type Client, createClient } from "@millrace/client";
import { callWith, signUp } from "../support/api.ts";
import { type ApiProcess, type ApiSite, startApiProcess, startApiSite } from "../support/api-process.ts";

/** Two api processes and nobody else: neither workers of ours nor a scheduler. */
let site: ApiSite;
let apis: readonly ApiProcess[];
let one: Client;
let other: Client;
beforeAll(async () => {
  site = await startApiSite();
  const [first, second] = await Promise.all([startApiProcess(site), startApiProcess(site)]);
  apis = [first, second];
  const { accessToken } = await signUp(
    callWith((request) => fetch(request), first.url),
    "worker@example.org",
  );
  one = createClient({ baseUrl: first.url, accessToken });
  other = createClient({ baseUrl: second.url, accessToken });
}, 90_000);
afterAll(async () => {
  await Promise.all(apis.map((api) => api.stop()));
  await site.stop();
}, 60_000);

const wish = { capabilities: ["render"], heartbeat_interval: 60 } as const;

test("tasks that were there before the first worker of their type are leased, without any worker of ours", async () => {
  await one.tasks.submit({ task_type: "render", task_id: "early" });
  await other.workers.register({ ...wish, worker_id: "w", max_concurrent_tasks: 2 });
  const { tasks } = await one.workers.lease("w", { max_tasks: 1, wait_seconds: 20 });
  expect(tasks).toMatchObject([{ task_id: "early", attempt: 1 }]);
  const [task] = tasks;
  if (task !== undefined)
    expect(await other.workers.complete(task, 1)).toMatchObject({ outcome: "completed" });
});

test("a lease that waits at one is woken by what is submitted at the other", async () => {
  const tookMs: number[] = [];
  for (let n = 0; n < 10; n += 1) {
    const leasing = one.workers.lease("w", { max_tasks: 1, wait_seconds: 20 });
    await one.workers.heartbeat("w", { status: "active", current_tasks: [] }); // Comes after it.
    await other.tasks.submit({ task_type: "render", task_id: `woken-${n}` });
    const submittedMs = performance.now();
    const [task] = (await leasing).tasks;
    tookMs.push(performance.now() - submittedMs);
    expect(task?.task_id).toBe(`woken-${n}`);
    if (task !== undefined) await other.workers.complete(task, n);
  }
  expect(Math.min(...tookMs)).toBeLessThan(50);
});

test("the limit is held over both", async () => {
  const wishes = Array.from({ length: 10 }, (_, n) => ({ task_type: "render", task_id: `many-${n}` }));
  await one.tasks.submitBatch(wishes);
  const asking = [one, other, one, other].map((api) =>
    api.workers.lease("w", { max_tasks: 2, wait_seconds: 1 }),
  );
  const leases = await Promise.all(asking);
  expect(leases.flatMap(({ tasks }) => tasks)).toHaveLength(2);
});
