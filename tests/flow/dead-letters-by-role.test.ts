import { afterAll, beforeAll, expect, test } from "bun:test";
import { onSharedPostgres } from "../support/on-shared-postgres.ts";
import { untilTrue } from "../support/running-stack.ts";
import { startTaskStack, type TaskStack } from "../support/task-stack.ts";

let stack: TaskStack;
let ann: string;
let ben: string;
beforeAll(async () => {
  stack = await startTaskStack(await onSharedPostgres());
  [ann, ben] = await Promise.all([stack.signUp("ann@example.org"), stack.signUp("ben@example.org")]);
  for (const [token, taskId] of [
    [ann, "anns-own"],
    [ben, "bens-own"],
  ] as const) {
    await as(token, "POST", "/api/tasks", {
      ...{ task_id: taskId, task_type: "simulate", max_attempts: 1 },
      payload: { duration_ms: 0, failure_rate: 1 },
    });
    await stack.untilEnded(taskId);
  }
}, 90_000);
afterAll(() => stack?.close());

const as = (token: string, method: string, path: string, body?: unknown) =>
  stack.raw(method, path, {
    ...{ token, headers: { "Content-Type": "application/json" } },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
const idsSeenBy = async (token: string): Promise<readonly string[]> =>
  (await as(token, "GET", "/api/dlq")).body.items.map((letter: { task_id: string }) => letter.task_id);

test("a user sees the dead letters of their own tasks alone, and an administrator those of all", async () => {
  expect(await idsSeenBy(ann)).toEqual(["anns-own"]);
  expect(await idsSeenBy(ben)).toEqual(["bens-own"]);
  expect([...(await idsSeenBy(stack.apiKey))].sort()).toEqual(["anns-own", "bens-own"]);
  expect((await as(ann, "GET", "/api/dlq/anns-own")).status).toBe(200);
  expect((await as(ann, "GET", "/api/dlq/bens-own")).status).toBe(404);
});

test("what a user is told about the number of dead letters is the number of their own", async () => {
  expect((await as(ann, "GET", "/api/dlq")).body.total).toBe(1);
  expect((await as(ann, "GET", "/api/dlq?error=nothing-like-it")).body.total).toBe(0);
});

test("a user may not redrive, not even their own", async () => {
  for (const wish of [{ task_ids: ["anns-own"] }, { filter: {} }]) {
    const { status, body } = await as(ann, "POST", "/api/dlq/redrive", wish);
    expect([status, body.code]).toEqual([403, "FORBIDDEN"]);
  }
  expect(await stack.show("anns-own")).toMatchObject({ status: "failed", attempts: 1 });
});

test("a user retries and discards what is theirs, and nothing of somebody else's", async () => {
  expect((await as(ann, "DELETE", "/api/dlq/bens-own")).status).toBe(404);
  expect((await as(ann, "POST", "/api/tasks/bens-own/retry")).status).toBe(404);
  expect(await idsSeenBy(ben)).toEqual(["bens-own"]);
  expect((await as(ann, "POST", "/api/tasks/anns-own/retry")).status).toBe(200);
  await untilTrue(async () => (await stack.show("anns-own")).attempts === 2, 10_000, "a second attempt");
  await stack.untilEnded("anns-own");
  expect((await as(ann, "DELETE", "/api/dlq/anns-own")).status).toBe(204);
  expect(await idsSeenBy(ann)).toEqual([]);
});

test("an operator redrives what is anybody's, and a key of theirs for reading does not", async () => {
  await stack.sql`update users set role = 'operator' where email = 'ann@example.org'`;
  const login = await stack.raw("POST", "/api/auth/login", {
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ email: "ann@example.org", password: "only for tests 1" }),
  });
  const operator = login.body.access_token;
  const { body: key } = await as(operator, "POST", "/api/auth/keys", {
    name: "eyes only",
    scopes: ["tasks:read"],
  });
  const wish = { task_ids: ["bens-own"], payload_patch: { failure_rate: 0 } };
  expect((await as(key.api_key, "POST", "/api/dlq/redrive", wish)).status).toBe(403);
  expect(await idsSeenBy(key.api_key)).toEqual(["bens-own"]);
  const { status, body } = await as(operator, "POST", "/api/dlq/redrive", wish);
  expect([status, body.task_ids]).toEqual([202, ["bens-own"]]);
  expect(await stack.untilEnded("bens-own")).toMatchObject({ status: "completed", attempts: 2 });
  expect((await as(ben, "GET", "/api/tasks/bens-own")).body.status).toBe("completed");
});
