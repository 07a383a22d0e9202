import { afterAll, beforeAll, expect, test } from "bun:test";
import { type FakeExternalApi, startFakeExternalApi } from "../support/fake-external-api.ts";
import { type Answer, untilTrue } from "../support/running-stack.ts";
import { startTaskStack, type TaskStack } from "../support/task-stack.ts";

let stack: TaskStack;
let external: FakeExternalApi;
beforeAll(async () => {
  [stack, external] = await Promise.all([startTaskStack({ LOG_LEVEL: "DEBUG" }), startFakeExternalApi()]);
}, 90_000);
afterAll(async () => {
  await stack?.close();
  await external?.stop();
});

test("two requests, as curl sends them, with the key of run.json submit a simulate task and read its result", async () => {
  const { api_url: apiUrl, api_key: apiKey } = await stack.run();
  const headers = { "User-Agent": "curl/8.14.1", Accept: "*/*", Authorization: `Bearer ${apiKey}` };
  const wish = JSON.stringify({ task_type: "simulate", payload: { duration_ms: 5, failure_rate: 0 } });
  const sent = { method: "POST", headers: { ...headers, "Content-Type": "application/json" }, body: wish };
  const submitted: Answer["body"] = await (await fetch(`${apiUrl}/api/tasks`, sent)).json();
  expect(submitted).toMatchObject({
    status: "pending",
    phase: "queued",
    attempts: 0,
    lane: "short",
    priority: 5,
  });
  expect(submitted.task_id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-/);

  let task: Answer["body"] = submitted;
  await untilTrue(async () => {
    task = await (await fetch(`${apiUrl}/api/tasks/${submitted.task_id}`, { headers })).json();
    return task.status === "completed";
  }, 10_000);
  expect(task).toMatchObject({
    ...{ phase: "done", attempts: 1, max_attempts: 3, dependencies: [], progress: 1, next_attempt_at: null },
    ...{ result: { slept_ms: 5, attempt: 1 }, error: null },
  });
  const [created, started, completed] = [task.created_at, task.started_at, task.completed_at].map(Date.parse);
  expect(created).toBeLessThanOrEqual(started ?? 0);
  expect(started).toBeLessThanOrEqual(completed ?? 0);
  expect(task.worker_id).toMatch(/^worker-/);
});

test("an http.request task calls the external API once and keeps its answer as the result", async () => {
  const { task_id: taskId } = await stack.submit({
    task_type: "http.request",
    payload: {
      ...{ url: `${external.url}/orders?x=1`, method: "POST", headers: { "X-Own": "yes" } },
      body: { amount: 12, name: "Ünïcode ✓" },
    },
  });
  const task = await stack.untilEnded(taskId);
  expect(task).toMatchObject({
    status: "completed",
    result: {
      status: 200,
      body: { key: taskId, method: "POST", path: "/orders?x=1" },
      body_truncated: false,
    },
  });
  const seen = external.requests.filter((request) => request.key === taskId);
  expect(seen).toHaveLength(1);
  expect(seen[0]?.headers).toMatchObject({
    "idempotency-key": taskId,
    "x-own": "yes",
    "content-type": "application/json",
  });
  expect(JSON.parse(seen[0]?.body ?? "")).toEqual({ amount: 12, name: "Ünïcode ✓" });
});

test("the same task sent again is answered with 200 and done once; other content under its id is refused", async () => {
  const wish = { task_id: "twice-1", task_type: "http.request", payload: { url: `${external.url}/twice` } };
  const first = await stack.call("POST", "/api/tasks", wish);
  expect(first.status).toBe(201);
  expect((await stack.call("POST", "/api/tasks", wish)).status).toBe(200);
  const done = await stack.untilEnded("twice-1");
  const again = await stack.call("POST", "/api/tasks", { ...wish, priority: 5 });
  expect(again.status).toBe(200);
  expect(again.body).toEqual(done);

  const contents: readonly Readonly<Record<string, unknown>>[] = [
    { payload: { url: `${external.url}/other` } },
    { priority: 6 },
    { task_type: "simulate", payload: {} },
    { max_attempts: 4 },
    { timeout: 7 },
    { lane: "long" },
    { backoff: { initial_ms: 5 } },
    { tenant: "else" },
  ];
  for (const content of contents) {
    const refused = await stack.call("POST", "/api/tasks", { ...wish, ...content });
    expect({ content, status: refused.status, code: refused.body.code }).toEqual({
      content,
      status: 409,
      code: "TASK_ID_CONFLICT",
    });
    expect(refused.body.errors).toEqual([{ path: "/task_id", message: "belongs to another task" }]);
  }
  expect(await stack.show("twice-1")).toEqual(done);
  expect(external.calls.get("twice-1")).toBe(1);
});

test("the same JSON is the same task, in whatever order and form its fields are written", async () => {
  const send = (body: string) =>
    stack.raw("POST", "/api/tasks", {
      token: stack.apiKey,
      headers: { "Content-Type": "application/json" },
      body,
    });
  const fields = [
    '"task_id":"same-json"',
    '"task_type":"nobodys.own"',
    '"backoff":{"initial_ms":-0,"factor":2e0}',
  ];
  const texts = [
    '"payload":{"a":-0,"b":[1.0,{"c":"\\u00e9"}],"d":12345678901234567890}',
    '"payload":{"d":12345678901234567000,"b":[1e0,{"c":"é"}],"a":0}',
  ];
  const answers: number[] = [];
  for (const text of [...texts, ...texts])
    answers.push((await send(`{${[text, ...fields].join(",")}}`)).status);
  expect(answers).toEqual([201, 200, 200, 200]);
  await stack.call("POST", "/api/tasks/same-json/cancel");
});

test("twenty clients that send the same task at once get one 201, and it is done once", async () => {
  const wish = { task_id: "at-once", task_type: "http.request", payload: { url: `${external.url}/once` } };
  const answers = await Promise.all(Array.from({ length: 20 }, () => stack.call("POST", "/api/tasks", wish)));
  expect(answers.map(({ status }) => status).sort()).toEqual([...Array<number>(19).fill(200), 201]);
  await stack.untilEnded("at-once");
  expect(external.calls.get("at-once")).toBe(1);
});

test("a correlation id leads from the request to the answer, the row, the message, the log and the external call", async () => {
  const correlationId = "order-4711.abc";
  // A subscription of its own: the stream forgets a message as soon as it is acknowledged.
  const message = Promise.withResolvers<{ header: string; id: string; body: Record<string, unknown> }>();
  const subscription = stack.bus.connection.subscribe("tasks.short.p7.http.request", {
    callback: (_, received) => {
      const body = received.json<Record<string, unknown>>();
      if (body.task_id !== "followed") return;
      const [header, id] = ["X-Correlation-Id", "Nats-Msg-Id"].map(
        (name) => received.headers?.get(name) ?? "",
      );
      message.resolve({ header: header ?? "", id: id ?? "", body });
    },
  });
  await stack.bus.connection.flush();
  const answer = await stack.raw("POST", "/api/tasks", {
    token: stack.apiKey,
    headers: { "Content-Type": "application/json", "X-Correlation-Id": correlationId },
    body: JSON.stringify({
      ...{ task_id: "followed", task_type: "http.request", priority: 7 },
      payload: { url: `${external.url}/followed` },
    }),
  });
  expect(answer.status).toBe(201);
  expect(answer.headers.get("x-correlation-id")).toBe(correlationId);
  const { header, id, body } = await message.promise;
  subscription.unsubscribe();
  expect({ header, id }).toEqual({ header: correlationId, id: "followed:1" });
  expect(body).toMatchObject({
    task_id: "followed",
    attempt: 1,
    lane: "short",
    priority: 7,
    correlation_id: correlationId,
  });

  const task = await stack.untilEnded("followed");
  expect(task.correlation_id).toBe(correlationId);
  expect([...(await stack.sql`select correlation_id from tasks where task_id = 'followed'`)]).toEqual([
    { correlation_id: correlationId },
  ]);
  expect(external.requests.find(({ key }) => key === "followed")?.headers["x-correlation-id"]).toBe(
    correlationId,
  );
  await untilTrue(
    async () =>
      (await stack.logOf("worker")).some(
        (line) =>
          line.correlation_id === correlationId && line.task_id === "followed" && line.service === "worker",
      ),
    5_000,
    "a line of the worker with the correlation id",
  );
});

test("a correlation id that is not sane is replaced, and the one that was made is used throughout", async () => {
  const answer = await stack.raw("POST", "/api/tasks", {
    token: stack.apiKey,
    headers: { "Content-Type": "application/json", "X-Correlation-Id": `${"a".repeat(200)}` },
    body: JSON.stringify({ task_id: "made-up", task_type: "simulate", payload: { failure_rate: 0 } }),
  });
  const made = answer.headers.get("x-correlation-id");
  expect(made).toMatch(/^[0-9a-f-]{36}$/);
  expect(answer.body.correlation_id).toBe(made);
});

test("tasks are listed newest first, filtered, and paged by offset and by cursor to the same end", async () => {
  await stack.submitAll(
    Array.from({ length: 25 }, (_, index) => ({
      ...{ task_id: `listed-${index}`, task_type: "simulate", priority: 3 },
      payload: { duration_ms: 0, failure_rate: 0 },
    })),
  );
  await stack.untilNoneOpen("listed-", 15_000);
  const page = async (query: string) =>
    (await stack.call("GET", `/api/tasks?status=completed&task_type=simulate&priority=3&limit=10${query}`))
      .body;
  const idsOf = (list: { items: readonly { task_id: string }[] }) => list.items.map((item) => item.task_id);
  const newestFirst = Array.from({ length: 25 }, (_, index) => `listed-${24 - index}`);

  const byOffset = await Promise.all([0, 10, 20].map((offset) => page(`&offset=${offset}`)));
  expect(byOffset.flatMap(idsOf)).toEqual(newestFirst);
  expect(byOffset[0]).toMatchObject({ total: 25, total_capped: false, limit: 10, offset: 0 });
  const byCursor: string[] = [];
  for (let cursor: string | null = ""; cursor !== null; ) {
    const list = await page(cursor === "" ? "" : `&cursor=${encodeURIComponent(cursor)}`);
    byCursor.push(...idsOf(list));
    cursor = list.next_cursor;
  }
  expect(byCursor).toEqual(newestFirst);
});
