import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { submitTask } from "@millrace/api/use-cases/submit-task";
import { Fault } from "@millrace/core";
import { PAYLOAD_BYTES_MAX } from "@millrace/core/limits";
import { startTaskApi, type TaskApi } from "../../../support/task-api.ts";

let api: TaskApi;
beforeAll(async () => {
  api = await startTaskApi();
});
afterAll(() => api.close());

const post = (body: unknown) => api.user.call("POST", "/api/tasks", body);

async function rowsOf(prefix: string): Promise<number> {
  return (await api.sql`select 1 from task_keys where task_id like ${`${prefix}%`}`).length;
}

test("a task is committed when it is answered, and its message carries what a worker needs", async () => {
  const answer = await post({ task_id: "one", task_type: "nobodys.own", payload: { a: [1] }, priority: 9 });
  expect(answer.status).toBe(201);
  expect(answer.body).toMatchObject({ task_id: "one", status: "pending", phase: "queued", attempts: 0 });
  expect(await rowsOf("one")).toBe(1);
  const [message, ...more] = api.bus.of("one");
  expect(more).toEqual([]);
  expect(message).toEqual({
    dispatch: {
      seq: expect.any(Number),
      task_id: "one",
      task_type: "nobodys.own",
      attempt: 1,
      failures: 0,
      payload: { a: [1] },
      lane: "long",
      priority: 9,
      timeout: 300,
      max_attempts: 3,
      backoff: { initial_ms: 1_000, factor: 2, max_ms: 60_000, jitter: true },
      tenant: null,
      correlation_id: expect.any(String),
    },
  });
});

test("what the answer to a new task says is what reading it says", async () => {
  const { body } = await post({ task_id: "view", task_type: "nobodys.own", delay: 50, tenant: "acme" });
  expect((await api.user.call("GET", "/api/tasks/view")).body).toEqual(body);
  expect(body).toMatchObject({ phase: "scheduled", next_attempt_at: body.run_at });
});

test("a task without an id gets one of its own", async () => {
  const [one, other] = await Promise.all([
    post({ task_type: "nobodys.own" }),
    post({ task_type: "nobodys.own" }),
  ]);
  expect(one.body.task_id).toMatch(/^[0-9a-f-]{36}$/);
  expect(one.body.task_id).not.toBe(other.body.task_id);
});

test("the same task again is answered with what stands there, and is published no second time", async () => {
  const wish = { task_id: "again", task_type: "nobodys.own", payload: { a: 1 }, delay: 5 };
  expect((await post(wish)).status).toBe(201);
  const second = await post(wish);
  expect(second.status).toBe(200);
  expect(second.body).toMatchObject({ task_id: "again", phase: "scheduled" });
  expect(api.bus.of("again")).toHaveLength(1);
});

describe("an id that is taken is refused with TASK_ID_CONFLICT", () => {
  const wish = {
    task_id: "taken",
    task_type: "nobodys.own",
    payload: { a: 1 },
    priority: 3,
    lane: "short",
    timeout: 20,
    max_attempts: 2,
    tenant: "acme",
    run_at: "2026-01-01T00:00:00Z",
    backoff: { initial_ms: 5 },
  };
  const OTHERS: readonly Readonly<Record<string, unknown>>[] = [
    { task_type: "other" },
    { payload: { a: 2 } },
    { payload: { a: 1, b: null } },
    { priority: 4 },
    { lane: "long" },
    { timeout: 21 },
    { max_attempts: 3 },
    { tenant: "acme2" },
    { run_at: "2026-01-01T00:00:01Z" },
    { backoff: { initial_ms: 6 } },
  ];

  test("by a task that differs in anything", async () => {
    expect((await post(wish)).status).toBe(201);
    expect((await post(wish)).status).toBe(200);
    for (const other of OTHERS) {
      const answer = await post({ ...wish, ...other });
      expect({ other, status: answer.status, code: answer.body.code }).toEqual({
        other,
        status: 409,
        code: "TASK_ID_CONFLICT",
      });
    }
    expect(api.bus.of("taken")).toHaveLength(1);
  });

  test("by another user's task, of which the answer tells nothing", async () => {
    await post({ task_id: "foreign", task_type: "nobodys.own", payload: { secret: 1 } });
    const { status, text } = await api.stranger.call("POST", "/api/tasks", {
      task_id: "foreign",
      task_type: "nobodys.own",
      payload: { secret: 1 },
    });
    expect(status).toBe(409);
    expect(text).not.toContain("secret");
  });
});

test("a body without a declared length is taken like any other", async () => {
  const body = new ReadableStream({
    start: (controller) => {
      controller.enqueue(Buffer.from('{"task_id":"chunked","task_type":"nobodys.own"}'));
      controller.close();
    },
  });
  const headers = { Authorization: `Bearer ${api.user.token}`, "Content-Type": "application/json" };
  const request = new Request("http://localhost/api/tasks", { method: "POST", headers, body });
  const response = await api.app.handle(request);
  expect({ status: response.status, text: await response.text() }).toMatchObject({ status: 201 });
});

test("a payload over its bound is refused as PAYLOAD_TOO_LARGE, however its length is declared", async () => {
  const wish = { task_id: "large", task_type: "nobodys.own", payload: "x".repeat(PAYLOAD_BYTES_MAX - 1) };
  const answer = await post(wish);
  expect([answer.status, answer.body.code]).toEqual([413, "PAYLOAD_TOO_LARGE"]);
  expect(await rowsOf("large")).toBe(0);
});

test("run_at in any year that passes is stored: nobody's mistake fails the tasks beside it", async () => {
  const tasks = ["1970-01-01T00:00:00Z", "1999-12-31T23:59:59.999999Z", "2026-01-01T00:00:00+23:59"].map(
    (run_at, index) => ({ task_id: `year-${index}`, task_type: "nobodys.own", run_at }),
  );
  const spoilt = post({ task_id: "year-0000", task_type: "nobodys.own", run_at: "0000-06-01T00:00:00Z" });
  const answers = await Promise.all(tasks.map(post));
  expect(answers.map(({ status }) => status)).toEqual([201, 201, 201]);
  expect((await spoilt).status).toBe(422);
});

test("while NATS is down tasks are taken all the same, and the log says who has to bring them there", async () => {
  api.bus.isDown = true;
  const answer = await post({ task_id: "no-nats", task_type: "nobodys.own" });
  api.bus.isDown = false;
  expect([answer.status, await rowsOf("no-nats")]).toEqual([201, 1]);
  expect(api.lines).toContainEqual(
    expect.objectContaining({
      level: "WARNING",
      message: "tasks are stored, and their messages are left to the scheduler",
      tasks: 1,
    }),
  );
});

test("a task that is due beyond the horizon stays in PostgreSQL alone; one that is nearer is scheduled", async () => {
  await post({ task_id: "far", task_type: "nobodys.own", delay: 3_600 });
  await post({ task_id: "near", task_type: "nobodys.own", delay: 60 });
  await post({ task_id: "past", task_type: "nobodys.own", run_at: "2026-01-01T00:00:00Z" });
  expect(api.bus.of("far")).toEqual([]);
  expect(api.bus.of("near")[0]?.dueAtMs).toBeGreaterThan(Date.now() + 50_000);
  expect(api.bus.of("past")[0]?.dueAtMs).toBeUndefined();
});

test("what is refused throws a fault that names the first problem and lists all", async () => {
  const wish = { task_type: "simulate", payload: { failure_rate: 7 }, run_at: "soon" };
  const submission = { wish, requestBytes: 50, correlationId: "c" };
  const error = await submitTask(api.ports, api.user.identity, submission).catch((error: unknown) => error);
  if (!(error instanceof Fault)) throw new Error("it was taken");
  expect(error.code).toBe("VALIDATION_FAILED");
  expect(error.errors.map(({ path }) => path)).toEqual(["/payload/failure_rate", "/run_at"]);
  expect(error.message).toStartWith("in the body: /payload/failure_rate ");
});
