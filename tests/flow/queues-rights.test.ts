import { afterAll, beforeAll, expect, test } from "bun:test";
import { startTaskApi, type TaskApi } from "../support/task-api.ts";

let api: TaskApi;
beforeAll(async () => {
  api = await startTaskApi();
}, 60_000);
afterAll(() => api?.close());

test("only operators pause and resume", async () => {
  for (const what of ["pause", "resume"]) {
    const { status, body } = await api.user.call("POST", `/api/queues/short/${what}`, {});
    expect([status, body.code]).toEqual([403, "FORBIDDEN"]);
  }
});

test("whoever may read tasks sees the queues, each lane and priority of them", async () => {
  await api.user.call("POST", "/api/tasks", { task_type: "simulate", lane: "long", priority: 3 });
  const { status, body } = await api.user.call("GET", "/api/queues");
  expect(status).toBe(200);
  const items = body.items as readonly Record<string, unknown>[];
  expect(items.find(({ lane, priority }) => lane === "long" && priority === 3)).toMatchObject({
    ...{ waiting: 1, due: 1, running: 0, paused: false },
    oldest_age: expect.any(Number),
  });
  expect(
    items.filter(({ waiting }) => waiting === 0).every(({ oldest_age: age }) => age === null),
  ).toBeTrue();
});

test("pausing twice keeps the first pause, resuming twice changes nothing, and no body is needed", async () => {
  const first = await api.operator.call("POST", "/api/queues/report.make/pause", { reason: "first" });
  const second = await api.operator.call("POST", "/api/queues/report.make/pause");
  expect(second.body).toEqual(first.body);
  expect(first.body).toMatchObject({ kind: "type", paused: true, reason: "first" });
  for (let times = 0; times < 2; times += 1)
    expect((await api.operator.call("POST", "/api/queues/report.make/resume")).body).toMatchObject({
      paused: false,
    });
});

test.each([
  ["/api/queues/no such/pause", {}],
  ["/api/queues/a..b/pause", {}],
  [`/api/queues/${"x".repeat(65)}/pause`, {}],
  ["/api/queues/short/pause", { reason: "x".repeat(201) }],
  ["/api/queues/short/pause", { why: "no such field" }],
])("%s %j is refused", async (path, body) => {
  const answer = await api.operator.call("POST", path, body);
  expect([answer.status, answer.body.code]).toEqual([422, "VALIDATION_FAILED"]);
});
