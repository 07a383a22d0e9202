import { afterAll, beforeAll, expect, test } from "bun:test";
import { FAULTS } from "@millrace/core";
import { PAYLOAD_BYTES_MAX } from "@millrace/core/limits";
import { BAD_TASK_INPUTS } from "../support/bad-task-inputs.ts";
import { onSharedPostgres } from "../support/on-shared-postgres.ts";
import type { Answer } from "../support/running-stack.ts";
import { startTaskStack, type TaskStack } from "../support/task-stack.ts";

let stack: TaskStack;
beforeAll(async () => {
  stack = await startTaskStack(await onSharedPostgres());
}, 90_000);
afterAll(() => stack?.close());

const JSON_TYPE = { "Content-Type": "application/json" };

/** All rows that a task could have left behind. */
async function countRows(): Promise<Readonly<Record<string, number>>> {
  const [row] = await stack.sql<Record<string, number>[]>`
    select (select count(*)::integer from task_keys) as ids, (select count(*)::integer from tasks) as tasks,
      (select count(*)::integer from open_tasks) as open, (select count(*)::integer from outcomes) as outcomes`;
  return row ?? {};
}

/** A refusal in the documented form, whatever was wrong. */
function expectProblem(answer: Answer, what: string, status: number, code: string): void {
  const { type, title, detail, correlation_id } = answer.body ?? {};
  expect({ what, status: answer.status, code: answer.body?.code }).toEqual({ what, status, code });
  expect(answer.headers.get("content-type")).toBe("application/problem+json");
  expect(answer.body.status).toBe(status);
  expect({ type, title }).toEqual({
    type: `/problems#${code}`,
    title: FAULTS[code as keyof typeof FAULTS].title,
  });
  expect(detail.length).toBeGreaterThan(5);
  expect(detail.length).toBeLessThan(1_000);
  expect(correlation_id).toBe(answer.headers.get("x-correlation-id"));
}

test("bad input is refused with its code and the path of the field, and nothing is stored", async () => {
  const before = await countRows();
  expect(BAD_TASK_INPUTS.length).toBeGreaterThanOrEqual(100);
  for (const { what, body, status, code, path, contentType } of BAD_TASK_INPUTS) {
    const answer = await stack.raw("POST", "/api/tasks", {
      token: stack.apiKey,
      headers: { "Content-Type": contentType ?? "application/json" },
      body: typeof body === "string" ? body : JSON.stringify(body),
    });
    expectProblem(answer, what, status, code);
    const paths = answer.body.errors?.map((error: { path: string }) => error.path);
    if (path !== undefined) expect({ what, paths }).toEqual({ what, paths: [path] });
  }
  expect(await countRows()).toEqual(before);
});

test("bytes that are no UTF-8 are no JSON", async () => {
  const body = new Uint8Array([
    ...Buffer.from('{"task_type":"own","payload":"'),
    0xff,
    0xfe,
    ...Buffer.from('"}'),
  ]);
  expectProblem(
    await stack.raw("POST", "/api/tasks", { token: stack.apiKey, headers: JSON_TYPE, body }),
    "bytes",
    400,
    "BAD_JSON",
  );
});

test("all that is wrong with a task is said at once", async () => {
  const { body } = await stack.call("POST", "/api/tasks", {
    ...{ task_type: "simulate", run_at: "soon", delay: 1, backoff: { initial_ms: 9, max_ms: 1 } },
    payload: { failure_rate: 7, sleep: 1 },
  });
  expect(body.errors.map((error: { path: string }) => error.path).sort()).toEqual([
    ...["/backoff/max_ms", "/delay", "/payload/failure_rate", "/payload/sleep", "/run_at"],
  ]);
});

test("what is just within the bounds is taken", async () => {
  const wishes = [
    { task_id: "x".repeat(128) },
    { task_id: "A.b_c-d:9" },
    { payload: "x".repeat(PAYLOAD_BYTES_MAX - 2) },
    { payload: null },
    { payload: [1, "a", { b: [] }] },
    { priority: 1 },
    { priority: 10 },
    { max_attempts: 100 },
    { timeout: 86_400 },
    { delay: 0 },
    { run_at: "2026-06-30T23:59:59+02:00" },
    { backoff: { initial_ms: 0, max_ms: 0, factor: 10, jitter: false } },
    { tenant: "a" },
    { dependencies: [] },
  ];
  for (const wish of wishes) {
    const { status, body } = await stack.call("POST", "/api/tasks", { task_type: "nobodys.own", ...wish });
    expect({ wish: JSON.stringify(wish).slice(0, 60), status }).toEqual({
      wish: JSON.stringify(wish).slice(0, 60),
      status: 201,
    });
    expect((await stack.call("POST", `/api/tasks/${encodeURIComponent(body.task_id)}/cancel`)).status).toBe(
      200,
    );
  }
});

test("a payload of any shape and text comes back as it was sent", async () => {
  const payload = {
    ...{ "": 1, "a/b~c": "д🔥\u2028\\", nested: { list: [[], {}, null, -0.5, 1e21, "2026-01-01"] } },
    ...{ constructor: "x", toString: null, text: "'; drop table tasks; --", "{{x}}": "%s%n\\u0041" },
  };
  const { task_id: taskId } = await stack.submit({ task_type: "nobodys.own", payload });
  expect((await stack.show(taskId)).payload).toEqual(payload);
  await stack.call("POST", `/api/tasks/${taskId}/cancel`);
});

const ROUTES: readonly (readonly [method: string, path: string])[] = [
  ["POST", "/api/tasks"],
  ["POST", "/api/tasks/batch"],
  ["GET", "/api/tasks"],
  ["GET", "/api/tasks/victims-own"],
  ["GET", "/api/tasks/victims-own/attempts"],
  ["POST", "/api/tasks/victims-own/cancel"],
  ["POST", "/api/tasks/victims-own/retry"],
  ["GET", "/api/dlq"],
  ["GET", "/api/dlq/victims-own"],
  ["POST", "/api/dlq/redrive"],
  ["DELETE", "/api/dlq/victims-own"],
];

test("nobody is nobody: without an identity, or with a wrong one, each route answers 401", async () => {
  const before = await countRows();
  const strangers: readonly Readonly<Record<string, string>>[] = [
    {},
    { Authorization: "Bearer nonsense" },
    { Authorization: `Bearer ${stack.apiKey}x` },
    { Authorization: `Basic ${btoa(`admin:${stack.apiKey}`)}` },
    { "X-API-Key": "mrk_0000000000000000_0000000000000000000000000000000000000000000" },
    { Authorization: "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIiwicm9sZSI6ImFkbWluIn0." },
  ];
  for (const [method, path] of ROUTES)
    for (const headers of strangers) {
      const answer = await stack.raw(method, path, {
        headers: { ...JSON_TYPE, ...headers },
        ...(method === "POST" && { body: JSON.stringify({ task_type: "simulate" }) }),
      });
      expectProblem(answer, `${method} ${path} ${JSON.stringify(headers)}`, 401, "UNAUTHENTICATED");
      expect(answer.headers.get("www-authenticate")).toStartWith("Bearer");
    }
  expect(await countRows()).toEqual(before);
});

test("a key that may only read may not submit, cancel or retry, and one for events sees no tasks", async () => {
  const keyFor = async (scopes: readonly string[]): Promise<string> =>
    (await stack.call("POST", "/api/auth/keys", { name: "limited", scopes })).body.api_key;
  const [reader, writer, events] = await Promise.all([
    keyFor(["tasks:read"]),
    keyFor(["tasks:write"]),
    keyFor(["events:write"]),
  ]);
  const before = await countRows();
  for (const [method, path] of ROUTES) {
    const isReading = method === "GET";
    for (const [token, mayDo] of [
      [reader, isReading],
      [writer, !isReading],
      [events, false],
    ] as const) {
      // What is asked is wrong or absent: whoever may ask is told so, and whoever may not is told that first.
      const body = path.endsWith("/batch") ? "[{}]" : "{}";
      const answer = await stack.raw(method, path, {
        ...{ token, headers: JSON_TYPE },
        ...(method === "POST" && { body }),
      });
      if (!mayDo) expectProblem(answer, `${method} ${path}`, 403, "FORBIDDEN");
      else expect([200, 404, 422]).toContain(answer.status);
    }
  }
  expect(await countRows()).toEqual(before);
});

test("another user's task is not there: 404, word for word as for a task that does not exist", async () => {
  const [victim, thief] = await Promise.all([
    stack.signUp("victim@example.org"),
    stack.signUp("thief@example.org"),
  ]);
  const wish = {
    task_id: "victims-own",
    task_type: "simulate",
    max_attempts: 1,
    payload: { failure_rate: 1 },
  };
  const as = (token: string, method: string, path: string, body?: unknown) =>
    stack.raw(method, path, {
      token,
      headers: JSON_TYPE,
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
  expect((await as(victim, "POST", "/api/tasks", wish)).status).toBe(201);
  const dead = await stack.untilEnded("victims-own");
  const before = await countRows();
  for (const [method, path] of ROUTES.filter(([, path]) => path.includes("victims-own"))) {
    const [theirs, nobodys] = await Promise.all([
      as(thief, method, path),
      as(thief, method, path.replace("victims-own", "nobodys-own")),
    ]);
    expectProblem(theirs, `${method} ${path}`, 404, "NOT_FOUND");
    expect(theirs.body.detail).toBe(nobodys.body.detail);
    expect(nobodys.status).toBe(404);
  }
  for (const path of ["/api/tasks", "/api/dlq"])
    expect((await as(thief, "GET", path)).body.items).toEqual([]);
  // The id is taken, and that is all that is told.
  const taken = await as(thief, "POST", "/api/tasks", wish);
  expectProblem(taken, "the victim's id", 409, "TASK_ID_CONFLICT");
  expect(JSON.stringify(taken.body)).not.toContain("failure_rate");
  expect((await as(victim, "GET", "/api/tasks/victims-own")).body).toEqual(dead);
  expect(await countRows()).toEqual(before);
});

test("hostile ids in the path are answered with 400 or 404, never with an error of ours", async () => {
  const ids = [
    "..%2f..%2fetc",
    "%00",
    "a%00b",
    "%",
    "%ff",
    "%25",
    "*",
    "%3E",
    "a%20b",
    "x".repeat(5_000),
    "'%20or%201=1--",
    "%F0%9F%94%A5",
    "__proto__",
    "constructor",
    "-1",
    "null",
  ];
  for (const id of ids)
    for (const [method, path] of ROUTES.filter(([, path]) => path.includes("victims-own"))) {
      const answer = await stack.raw(method, path.replace("victims-own", id), { token: stack.apiKey });
      expect({ id, method, path, isRefused: [400, 404, 405, 414, 431].includes(answer.status) }).toEqual({
        ...{ id, method, path, isRefused: true },
      });
    }
});

test("lists refuse what they cannot filter by, and name the parameter", async () => {
  const refusals: readonly (readonly [query: string, path: string])[] = [
    ["status=done", "/status"],
    ["priority=0", "/priority"],
    ["priority=eleven", "/priority"],
    ["limit=0", "/limit"],
    ["limit=1001", "/limit"],
    ["limit=-5", "/limit"],
    ["offset=10001", "/offset"],
    ["cursor=nonsense", "/cursor"],
    ["cursor=%27%3B--", "/cursor"],
    ["colour=red", "/colour"],
    [`task_type=${"x".repeat(65)}`, "/task_type"],
  ];
  for (const [query, path] of refusals) {
    const answer = await stack.call("GET", `/api/tasks?${query}`);
    expectProblem(answer, query, 422, "VALIDATION_FAILED");
    expect({ query, path: answer.body.errors?.[0]?.path }).toEqual({ query, path });
  }
  for (const query of ["limit=0", "cursor=x", "sort=asc", `error=${"x".repeat(201)}`])
    expectProblem(await stack.call("GET", `/api/dlq?${query}`), query, 422, "VALIDATION_FAILED");
});
