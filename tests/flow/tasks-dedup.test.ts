import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type ApiProcess, startApiProcess } from "../support/api-process.ts";
import { type FakeExternalApi, startFakeExternalApi } from "../support/fake-external-api.ts";
import { onSharedPostgres } from "../support/on-shared-postgres.ts";
import { scratch } from "../support/scratch.ts";
import { startTaskStack, type TaskStack } from "../support/task-stack.ts";

const WAIT_MS = 60_000;

let stack: TaskStack;
let external: FakeExternalApi;
let second: ApiProcess;
beforeAll(async () => {
  [stack, external] = await Promise.all([startTaskStack(await onSharedPostgres()), startFakeExternalApi()]);
  const { database_url, nats_url } = await stack.run();
  const folder = (await scratch()).folder("files");
  second = await startApiProcess({
    env: {
      ...{ PATH: "/usr/bin:/bin", DATABASE_URL: database_url, NATS_URL: nats_url },
      ...{ STORAGE_URL: `file:${folder}`, JWT_SECRET: "s".repeat(40), LOG_FORMAT: "json" },
    },
  });
}, 120_000);
afterAll(async () => {
  await second?.stop();
  await stack?.close();
  await external?.stop();
}, 60_000);

/** To one api process or the other. */
async function post(url: string, path: string, body: unknown) {
  const response = await fetch(`${url}${path}`, {
    method: "POST",
    headers: { Authorization: `Bearer ${stack.apiKey}`, "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  // biome-ignore lint/suspicious/noExplicitAny: a test reads what it expects, and fails where it is not there
  return { status: response.status, body: (await response.json()) as any };
}
const submit = (body: object, n = 0) => post(n % 2 === 0 ? stack.apiUrl : second.url, "/api/tasks", body);
const idle = { task_type: "simulate", payload: { duration_ms: 0, failure_rate: 0 } };
const called = (n: number) => ({
  task_type: "http.request",
  payload: { url: `${external.url}/?mode=echo`, method: "POST", body: { n } },
});
/** The bodies that calls for this task brought to the external API. */
const bodiesOf = (taskId: string) =>
  external.requests.filter(({ key }) => key === taskId).map(({ body }) => JSON.parse(body).n as number);

describe("dedup", () => {
  test("twenty clients at once, over two api processes, make one task; it ends, and the key is free", async () => {
    const wish = { ...idle, delay: 4, dedup: { key: "twenty" } };
    const answers = await Promise.all(Array.from({ length: 20 }, (_, n) => submit(wish, n)));
    expect(answers.map(({ status }) => status).toSorted()).toEqual([
      ...Array.from({ length: 19 }, () => 200),
      201,
    ]);
    const ids = new Set(answers.map(({ body }) => body.task_id));
    expect(ids.size).toBe(1);
    expect(answers.filter(({ body }) => body.deduplicated === true)).toHaveLength(19);
    const [id = ""] = ids;
    expect(await stack.untilEnded(id, WAIT_MS)).toMatchObject({
      status: "completed",
      dedup: { key: "twenty" },
    });
    expect((await submit(wish)).status).toBe(201);
  });

  test("within its window the answer is the finished task", async () => {
    const wish = { ...idle, dedup: { key: "window", window_seconds: 3_600 } };
    const first = await submit(wish);
    await stack.untilEnded(first.body.task_id, WAIT_MS);
    expect(await submit(wish, 1)).toMatchObject({
      ...{ status: 200, body: { task_id: first.body.task_id, status: "completed", deduplicated: true } },
    });
  });

  test("a cancelled holder is none, and the same id with another key is another task", async () => {
    const wish = { ...idle, task_id: "holder", delay: 600, dedup: { key: "cancelled" } };
    expect((await submit(wish)).status).toBe(201);
    expect(await submit(wish)).toMatchObject({ status: 200, body: { task_id: "holder" } });
    expect((await submit(wish)).body.deduplicated).toBeUndefined();
    const other = await submit({ ...wish, dedup: { key: "another" } });
    expect(other).toMatchObject({ status: 409, body: { code: "TASK_ID_CONFLICT" } });
    await stack.call("POST", "/api/tasks/holder/cancel");
    expect((await submit({ ...wish, task_id: "next" }, 1)).status).toBe(201);
  });

  test("a batch tells each item which task stands for it, atomic or not, and beside a graph", async () => {
    const keyed = (task_id: string) => ({ ...idle, task_id, delay: 600, dedup: { key: "batch" } });
    const plain = (task_id: string, fields = {}) => ({ ...idle, task_id, ...fields });
    const batches = [
      { query: "", items: [keyed("b1"), plain("p1"), keyed("b2")] },
      { query: "?atomic=true", items: [plain("p2"), keyed("b3")] },
      {
        query: "?atomic=true",
        items: [plain("p3"), keyed("b4"), plain("c3", { dependencies: ["p3", "b1"] })],
      },
    ];
    const told = [];
    for (const { query, items } of batches)
      told.push((await post(stack.apiUrl, `/api/tasks/batch${query}`, items)).body);
    expect(told).toMatchObject([
      {
        accepted: 2,
        existing: 1,
        items: [{ task_id: "b1" }, {}, { status: 200, task_id: "b1", deduplicated: true }],
      },
      { accepted: 1, existing: 1, items: [{ status: 201 }, { task_id: "b1", deduplicated: true }] },
      {
        accepted: 2,
        existing: 1,
        items: [{ status: 201 }, { task_id: "b1", deduplicated: true }, { status: 201 }],
      },
    ]);
    expect(await stack.untilPhase("c3", "waiting")).toMatchObject({ dependencies: ["p3", "b1"] });
  });

  test("who has a key is no parent in its own batch, and no child; a schedule has no key", async () => {
    const items = [
      { ...idle, task_id: "g1", dedup: { key: "g" } },
      { ...idle, task_id: "g2", dependencies: ["g1"] },
    ];
    const { body } = await post(stack.apiUrl, "/api/tasks/batch", items);
    expect(body.rejected).toBe(2);
    expect(body.items[0].problem.errors[0].path).toBe("/dedup");
    expect((await post(stack.apiUrl, "/api/tasks/batch?atomic=true", items)).body.errors[0].path).toBe(
      "/0/dedup",
    );
    const child = await submit({ ...idle, dedup: { key: "g" }, dependencies: ["b1"] });
    expect([child.status, child.body.errors[0].path]).toEqual([422, "/dedup"]);
    const schedule = { every: 60, task: { ...idle, debounce: { key: "g", seconds: 1 } } };
    expect((await post(stack.apiUrl, "/api/schedules", schedule)).status).toBe(422);
  });
});

describe("debounce", () => {
  test("a burst over two api processes runs once, with the last payload, after it was quiet", async () => {
    const debounce = { key: "burst", seconds: 4 };
    let last = "";
    const ids = new Set<string>();
    for (let n = 1; n <= 12; n += 1) {
      const { body } = await submit({ ...called(n), debounce }, n);
      ids.add(body.task_id);
      last = body.run_at;
    }
    expect(ids.size).toBe(1);
    const [id = ""] = ids;
    const why = (await stack.call("GET", `/api/tasks/${id}/why`)).body;
    if (why.phase === "scheduled")
      expect(why).toMatchObject({ reason: "debounced", details: { key: "burst", submissions: 12 } });
    const task = await stack.untilEnded(id, WAIT_MS);
    expect(task).toMatchObject({ status: "completed", attempts: 1, payload: { body: { n: 12 } } });
    expect(bodiesOf(id)).toEqual([12]);
    expect(task.run_at).toBe(last); // What the last one was told.
    expect(Date.parse(task.started_at)).toBeGreaterThanOrEqual(Date.parse(last));
    expect((await submit({ ...called(13), debounce })).status).toBe(201);
  });

  test("under a stream of submissions that does not end, it starts by its latest time", async () => {
    const debounce = { key: "stream", seconds: 3, max_wait_seconds: 6 };
    const first = await submit({ ...called(0), debounce });
    const id: string = first.body.task_id;
    const deadline = Date.now() + WAIT_MS;
    const answers: { id: string; n: number }[] = [];
    let n = 0;
    // Ends with the first submission that has become a task of its own.
    for (;;) {
      n += 1;
      const { body } = await submit({ ...called(n), debounce }, n);
      answers.push({ id: body.task_id, n });
      if (body.task_id !== id) break;
      if (Date.now() > deadline) throw new Error("it was put off for ever");
    }
    const joined = answers.filter((answer) => answer.id === id);
    expect(joined.length).toBeGreaterThan(3);
    const task = await stack.untilEnded(id, WAIT_MS);
    expect(task).toMatchObject({ status: "completed", attempts: 1 });
    expect(bodiesOf(id)).toEqual([joined.at(-1)?.n ?? -1]);
    const latestMs = Date.parse(first.body.run_at) + 3_000;
    expect(Date.parse(task.run_at)).toBeLessThanOrEqual(latestMs);
    const nextId = answers.at(-1)?.id ?? "";
    expect(await stack.untilEnded(nextId, WAIT_MS)).toMatchObject({ status: "completed" });
    expect(bodiesOf(nextId)).toEqual([n]);
  });

  test("the same submission again is the same task, whatever its payload has become; a retry keeps the last one", async () => {
    const debounce = { key: "same", seconds: 3 };
    const failing = (n: number) => ({
      ...{ task_type: "http.request", max_attempts: 2, backoff: { initial_ms: 1, jitter: false } },
      payload: { url: `${external.url}/?mode=echo&status=503,200`, method: "POST", body: { n } },
    });
    const wish = { ...failing(1), task_id: "same-1", debounce };
    expect((await submit(wish)).status).toBe(201);
    expect(await submit({ ...failing(2), debounce })).toMatchObject({
      body: { task_id: "same-1", deduplicated: true },
    });
    const again = await submit(wish, 1);
    expect([again.status, again.body.deduplicated]).toEqual([200, undefined]);
    expect(await stack.untilEnded("same-1", WAIT_MS)).toMatchObject({ status: "completed", attempts: 2 });
    expect(bodiesOf("same-1")).toEqual([2, 2]);
  });

  test("while its type is paused it goes on taking payloads, and then runs the last one", async () => {
    await stack.call("POST", "/api/queues/http.request/pause", {});
    const debounce = { key: "paused", seconds: 1 };
    const { body } = await submit({ ...called(1), debounce });
    await stack.untilPhase(body.task_id, "parked", WAIT_MS);
    expect(await submit({ ...called(2), debounce })).toMatchObject({ status: 200 });
    await stack.call("POST", "/api/queues/http.request/resume");
    expect(await stack.untilEnded(body.task_id, WAIT_MS)).toMatchObject({ status: "completed", attempts: 1 });
    expect(bodiesOf(body.task_id)).toEqual([2]);
  });

  test("by a worker over HTTP it is leased with the last payload, when its time has come", async () => {
    const worker = { worker_id: "http-1", capabilities: ["render"], max_concurrent_tasks: 1 };
    expect((await stack.call("POST", "/api/workers/register", worker)).status).toBe(201);
    const wish = (n: number) => ({ task_type: "render", payload: { n }, debounce: { key: "r", seconds: 1 } });
    const { body } = await submit(wish(1));
    await submit(wish(2), 1);
    const { body: leased } = await stack.call("POST", "/api/workers/http-1/lease", {
      max_tasks: 1,
      wait_seconds: 30,
    });
    expect(leased.tasks).toMatchObject([{ task_id: body.task_id, payload: { n: 2 } }]);
    expect((await submit(wish(3))).status).toBe(201);
  });
});
