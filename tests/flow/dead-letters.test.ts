import { afterAll, beforeAll, expect, test } from "bun:test";
import { type FakeExternalApi, startFakeExternalApi } from "../support/fake-external-api.ts";
import { onSharedPostgres } from "../support/on-shared-postgres.ts";
import { startTaskStack, type TaskStack, type TaskWish } from "../support/task-stack.ts";

let stack: TaskStack;
let external: FakeExternalApi;
beforeAll(async () => {
  [stack, external] = await Promise.all([startTaskStack(await onSharedPostgres()), startFakeExternalApi()]);
}, 90_000);
afterAll(async () => {
  await stack?.close();
  await external?.stop();
});

const doomed = (taskId: string, error: string): TaskWish => ({
  ...{ task_id: taskId, task_type: "simulate", max_attempts: 1 },
  payload: { duration_ms: 0, failure_rate: 1, error },
});
const list = async (query = "") => (await stack.call("GET", `/api/dlq${query}`)).body;
const idsOf = (page: { items: readonly { task_id: string }[] }) => page.items.map((letter) => letter.task_id);
const redrive = (wish: Record<string, unknown>) => stack.call("POST", "/api/dlq/redrive", wish);

/** Dead letters that belong to one test alone. */
async function bury(prefix: string, count: number, error = prefix): Promise<readonly string[]> {
  const ids = Array.from({ length: count }, (_, index) => `${prefix}-${index}`);
  await stack.submitAll(ids.map((taskId) => doomed(taskId, error)));
  await stack.untilNoneOpen(`${prefix}-`, 15_000);
  return ids;
}

test("the list is filtered by task type, by error code and by a part of the message, in any case", async () => {
  await bury("listed", 3, "the Disk is 100%_full");
  await stack.submit({
    ...{ task_id: "listed-call", task_type: "http.request", max_attempts: 1 },
    payload: { url: `${external.url}/?status=404` },
  });
  await stack.untilEnded("listed-call");

  expect(idsOf(await list("?task_type=http.request"))).toEqual(["listed-call"]);
  expect(idsOf(await list("?error=HTTP_STATUS_404"))).toEqual(["listed-call"]);
  expect(idsOf(await list("?error=disk%20IS"))).toEqual(["listed-2", "listed-1", "listed-0"]);
  // What would be a wildcard in SQL is a letter here.
  expect(idsOf(await list("?error=100%25_full"))).toHaveLength(3);
  expect(idsOf(await list("?error=%25"))).toHaveLength(3);
  expect(idsOf(await list("?error=100_full"))).toEqual([]);
  expect(idsOf(await list("?error=disk&task_type=http.request"))).toEqual([]);
  expect(idsOf(await list("?task_type=nobodys.own"))).toEqual([]);
});

test("the cursor leads through all of them, newest first, also while new ones come", async () => {
  const ids = await bury("paged", 7);
  const first = await list("?error=paged&limit=3");
  expect(first.limit).toBe(3);
  await bury("newer-paged", 2, "paged, but later");
  const second = await list(`?error=paged&limit=3&cursor=${encodeURIComponent(first.next_cursor)}`);
  const third = await list(`?error=paged&limit=3&cursor=${encodeURIComponent(second.next_cursor)}`);
  expect([first, second, third].flatMap(idsOf)).toEqual(ids.toReversed());
  expect(third.next_cursor).toBeNull();
});

test("a dead letter shows its payload and the error of every attempt", async () => {
  external.behave("shown", "status=503,500,404");
  const payload = { url: `${external.url}/shown`, method: "POST", body: { order: 7 } };
  await stack.submit({ task_id: "shown", task_type: "http.request", backoff: { initial_ms: 5 }, payload });
  const task = await stack.untilEnded("shown");
  const { status, body } = await stack.call("GET", "/api/dlq/shown");
  expect(status).toBe(200);
  expect(body).toMatchObject({
    ...{
      task_id: "shown",
      task_type: "http.request",
      lane: "short",
      payload,
      attempts: 3,
      died_at: expect.any(String),
    },
    error: { code: "HTTP_STATUS_404", message: expect.stringContaining("404") },
    history: [
      { attempt: 1, status: "failed", error: { code: "HTTP_STATUS_503" }, worker_id: expect.any(String) },
      { attempt: 2, status: "failed", error: { code: "HTTP_STATUS_500" } },
      { attempt: 3, status: "dead", error: { code: "HTTP_STATUS_404" }, ended_at: task.completed_at },
    ],
  });
});

test("what is no dead letter is not there: a task that is open, completed or unknown", async () => {
  await stack.submit({ task_id: "well", task_type: "simulate", payload: { failure_rate: 0 } });
  await stack.untilEnded("well");
  await stack.submit({ task_id: "open", task_type: "simulate", delay: 900 });
  for (const taskId of ["well", "open", "nobody"])
    for (const method of ["GET", "DELETE"])
      expect([taskId, method, (await stack.call(method, `/api/dlq/${taskId}`)).status]).toEqual([
        taskId,
        method,
        404,
      ]);
  const { body } = await redrive({ task_ids: ["well", "open", "nobody"] });
  expect(body).toEqual({
    ...{ redriven: 0, task_ids: [] },
    skipped: ["well", "open", "nobody"].map((taskId) => ({ task_id: taskId, reason: "is no dead letter" })),
  });
  expect(await stack.show("well")).toMatchObject({ status: "completed", attempts: 1 });
});

test("a payload patch heals what a wrong payload killed; what it was before is kept", async () => {
  const ids = await bury("healed", 4);
  const { status, body } = await redrive({ task_ids: ids, payload_patch: { failure_rate: 0, error: null } });
  expect(status).toBe(202);
  expect(body).toMatchObject({ redriven: 4, skipped: [] });
  expect(body.task_ids.toSorted()).toEqual(ids);
  await stack.untilNoneOpen("healed-", 15_000);
  for (const taskId of ids)
    expect(await stack.show(taskId)).toMatchObject({
      ...{ status: "completed", attempts: 2, max_attempts: 1, payload: { duration_ms: 0, failure_rate: 0 } },
    });
  const kept = await stack.sql<{ previous_payload: unknown }[]>`
    select previous_payload from redrives join tasks using (seq) where task_id like 'healed-%'`;
  expect(kept.map((row) => row.previous_payload)).toEqual(
    ids.map(() => ({ duration_ms: 0, failure_rate: 1, error: "healed" })),
  );
  expect(idsOf(await list("?error=healed"))).toEqual([]);
});

test("a patch that would spoil the payload leaves the letter dead, and says why", async () => {
  const [taskId] = await bury("spoilt", 1);
  const { body } = await redrive({ task_ids: [taskId], payload_patch: { failure_rate: 7 } });
  expect(body).toMatchObject({
    redriven: 0,
    skipped: [{ task_id: taskId, reason: expect.stringContaining("/payload/failure_rate") }],
  });
  expect((await stack.call("GET", `/api/dlq/${taskId}`)).body.payload.failure_rate).toBe(1);
});

test("a redrive keeps the policy: as many attempts as before, and the second death is a dead letter again", async () => {
  external.behave("twice-dead", "status=408"); // Retried, and no reason for a breaker to open.
  await stack.submit({
    ...{ task_id: "twice-dead", task_type: "http.request", max_attempts: 3, priority: 8, timeout: 9 },
    ...{ backoff: { initial_ms: 5, max_ms: 20 }, payload: { url: external.url } },
  });
  const before = await stack.untilEnded("twice-dead");
  expect(before).toMatchObject({ status: "failed", attempts: 3 });
  expect((await redrive({ task_ids: ["twice-dead"] })).body.redriven).toBe(1);
  const after = await stack.untilEnded("twice-dead");
  expect(after).toMatchObject({
    status: "failed",
    attempts: 6,
    max_attempts: 3,
    priority: 8,
    timeout: 9,
    backoff: before.backoff,
  });
  const letter = (await stack.call("GET", "/api/dlq/twice-dead")).body;
  expect(letter.attempts).toBe(6);
  expect(letter.history.map((attempt: { status: string }) => attempt.status)).toEqual([
    ...["failed", "failed", "dead", "failed", "failed", "dead"],
  ]);
  expect(external.calls.get("twice-dead")).toBe(6);
});

test("a redrive by filter takes the newest up to its limit, and leaves the others", async () => {
  const ids = await bury("limited", 6);
  const { body } = await redrive({
    filter: { error: "limited" },
    limit: 2,
    payload_patch: { failure_rate: 0 },
  });
  expect(body.redriven).toBe(2);
  expect(body.task_ids.toSorted()).toEqual(ids.slice(4));
  await stack.untilNoneOpen("limited-", 10_000);
  expect(idsOf(await list("?error=limited"))).toEqual(ids.slice(0, 4).toReversed());

  const byType = await redrive({ filter: { task_type: "nobodys.own" } });
  expect(byType.body).toEqual({ redriven: 0, task_ids: [], skipped: [] });
});

test("a redrive is paced: five a second are due a fifth of a second apart, and none starts before", async () => {
  const ids = await bury("paced", 11);
  const { body } = await redrive({ task_ids: ids, rate_per_second: 5, payload_patch: { failure_rate: 0 } });
  expect(body.redriven).toBe(11);
  const dueTimes = await stack.sql<{ due: Date }[]>`
    select ready_at as due from open_tasks o join tasks using (seq) where task_id like 'paced-%' order by 1`;
  // The first ones may have run already; the last is due two seconds after the first.
  const last = dueTimes.at(-1)?.due.getTime() ?? 0;
  await stack.untilNoneOpen("paced-", 15_000);
  const rows = await stack.sql<{ started_at: Date; redriven_at: Date }[]>`
    select o.started_at, r.redriven_at from outcomes o join tasks t using (seq) join redrives r using (seq)
    where t.task_id like 'paced-%' and o.kind = 'completed' order by o.started_at`;
  const starts = rows.map((row) => row.started_at.getTime());
  expect(starts).toHaveLength(11);
  expect(
    (starts.at(-1) ?? 0) - Math.min(...rows.map((row) => row.redriven_at.getTime())),
  ).toBeGreaterThanOrEqual(2_000);
  expect(starts.at(-1)).toBeGreaterThanOrEqual(last);
});

test("a redrive is refused that names nothing, or two things, or no sensible pace", async () => {
  const wishes: readonly (readonly [wish: Record<string, unknown>, path: string])[] = [
    [{}, "/task_ids"],
    [{ task_ids: ["a"], filter: {} }, "/task_ids"],
    [{ task_ids: [] }, "/task_ids"],
    [{ task_ids: [1] }, "/task_ids/0"],
    [{ task_ids: Array.from({ length: 10_001 }, (_, index) => `t${index}`) }, "/task_ids"],
    [{ filter: {}, limit: 0 }, "/limit"],
    [{ filter: {}, limit: 10_001 }, "/limit"],
    [{ filter: {}, rate_per_second: 0 }, "/rate_per_second"],
    [{ filter: {}, rate_per_second: 1_001 }, "/rate_per_second"],
    [{ filter: { status: "dead" } }, "/filter/status"],
    [{ filter: {}, all: true }, "/all"],
  ];
  const before = (await list()).total;
  for (const [wish, path] of wishes) {
    const { status, body } = await redrive(wish);
    expect({ path, status, code: body.code, at: body.errors?.[0]?.path }).toEqual({
      ...{ path, status: 422, code: "VALIDATION_FAILED", at: path },
    });
  }
  expect((await list()).total).toBe(before);
});

test("a discarded letter leaves the list and is not redriven; its task stays failed", async () => {
  const [taskId, other] = await bury("discarded", 2);
  expect((await stack.call("DELETE", `/api/dlq/${taskId}`)).status).toBe(204);
  expect((await stack.call("DELETE", `/api/dlq/${taskId}`)).status).toBe(404);
  expect((await stack.call("GET", `/api/dlq/${taskId}`)).status).toBe(404);
  expect(idsOf(await list("?error=discarded"))).toEqual([other ?? ""]);
  expect(
    (await redrive({ filter: { error: "discarded" }, payload_patch: { failure_rate: 0 } })).body.task_ids,
  ).toEqual([other]);
  expect(await stack.show(taskId ?? "")).toMatchObject({ status: "failed", phase: "dead", attempts: 1 });
});

test("five redrives of the same letters at once bring each back once", async () => {
  const ids = await bury("contested", 20);
  const answers = await Promise.all(
    Array.from({ length: 5 }, () => redrive({ task_ids: ids, payload_patch: { failure_rate: 0 } })),
  );
  expect(answers.flatMap(({ body }) => body.task_ids).sort()).toEqual(ids.toSorted());
  await stack.untilNoneOpen("contested-", 10_000);
  for (const taskId of ids)
    expect(await stack.show(taskId)).toMatchObject({ status: "completed", attempts: 2 });
});
