import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { startTaskApi, type TaskApi } from "../support/task-api.ts";

let api: TaskApi;
beforeAll(async () => {
  api = await startTaskApi();
}, 60_000);
afterAll(() => api?.close());

const TASK = { task_type: "simulate", payload: { duration_ms: 0 } };
const make = (wish: object) => api.user.call("POST", "/api/schedules", { task: TASK, ...wish });
const pathsOf = (body: Record<string, unknown>) =>
  (body.errors as readonly { path: string; message: string }[]).map(({ path }) => path);

describe("a schedule", () => {
  test("is made with its defaults, shows its next five runs, and is listed", async () => {
    const made = await make({ schedule_id: "daily", cron: "30 2 * * *", time_zone: "Europe/Berlin" });
    expect(made.status).toBe(201);
    expect(made.body).toMatchObject({
      ...{
        schedule_id: "daily",
        name: "daily",
        status: "active",
        cron: "30 2 * * *",
        time_zone: "Europe/Berlin",
      },
      ...{
        every: null,
        missed: "latest",
        overlap: "allow",
        start_at: null,
        end_at: null,
        version: 1,
        problem: null,
      },
      task: {
        task_type: "simulate",
        priority: 5,
        lane: "short",
        max_attempts: 3,
        timeout: expect.any(Number),
      },
    });
    const runs = made.body.next_runs as readonly string[];
    expect(runs).toHaveLength(5);
    expect(runs.toSorted()).toEqual([...runs]);
    const shown = await api.user.call("GET", "/api/schedules/daily");
    expect(shown.body).toEqual({ ...made.body, runs: [] });
    const { body } = await api.user.call("GET", "/api/schedules");
    expect((body.items as readonly { schedule_id: string }[]).map((it) => it.schedule_id)).toContain("daily");
  });

  test("sent twice is made once, and with other content is refused", async () => {
    const wish = { schedule_id: "twice", every: 60 };
    expect((await make(wish)).status).toBe(201);
    await api.user.call("POST", "/api/schedules/twice/pause");
    const again = await make(wish);
    expect([again.status, again.body.status]).toEqual([200, "paused"]);
    const other = await make({ ...wish, every: 61 });
    expect([other.status, other.body.code]).toEqual([409, "SCHEDULE_ID_CONFLICT"]);
  });

  test("is changed field by field, and keeps what was not named", async () => {
    await make({ schedule_id: "changed", every: 3_600, end_at: "2099-01-01T00:00:00Z" });
    const patch = (body: object) => api.user.call("PATCH", "/api/schedules/changed", body);
    const { body } = await patch({ cron: "0 0 * * * *", time_zone: "Asia/Kathmandu", end_at: null });
    expect(body).toMatchObject({
      every: null,
      cron: "0 0 * * * *",
      time_zone: "Asia/Kathmandu",
      end_at: null,
      version: 2,
    });
    expect((await patch({ time_zone: "UTC" })).body).toMatchObject({ cron: "0 0 * * * *", time_zone: "UTC" });
    expect((await patch({ task: { ...TASK, priority: 9 } })).body).toMatchObject({
      task: { priority: 9 },
      version: 4,
    });
    const bad = await patch({ cron: "61 * * * *" });
    expect([bad.status, pathsOf(bad.body)]).toEqual([422, ["/cron"]]);
    expect((await patch({ paused: true })).body).toMatchObject({ status: "paused", next_runs: [] });
    expect((await patch({ paused: false })).body).toMatchObject({ status: "active" });
  });

  test("is triggered beside its ticks, and remembers it", async () => {
    await make({ schedule_id: "now", every: 86_400, paused: true });
    const { status, body } = await api.user.call("POST", "/api/schedules/now/trigger");
    expect(status).toBe(202);
    expect(api.bus.of(String(body.task_id))).toHaveLength(1);
    expect((await api.user.call("GET", `/api/tasks/${body.task_id}`)).body).toMatchObject({
      phase: "queued",
    });
    const shown = await api.user.call("GET", "/api/schedules/now");
    expect(shown.body.runs).toMatchObject([{ kind: "triggered", task_id: body.task_id }]);
  });

  test("is deleted once", async () => {
    await make({ schedule_id: "gone", every: 60 });
    expect((await api.user.call("DELETE", "/api/schedules/gone")).status).toBe(204);
    expect((await api.user.call("DELETE", "/api/schedules/gone")).status).toBe(404);
  });

  test("whose end has come is over", async () => {
    const { body } = await make({ schedule_id: "over", every: 60, end_at: "2020-01-01T00:00:00Z" });
    expect(body).toMatchObject({ status: "ended", next_runs: [] });
  });
});

describe("wrong input is refused by name", () => {
  test.each([
    [{}, ["/cron"]],
    [{ cron: "* * * * *", every: 5 }, ["/every"]],
    [{ cron: "nonsense" }, ["/cron"]],
    [{ cron: "0 0 31 2 *" }, ["/cron"]],
    [{ cron: "* * * * *", time_zone: "Mars/Olympus" }, ["/time_zone"]],
    [{ every: 5, time_zone: "Europe/Berlin" }, ["/time_zone"]],
    [{ every: 60, start_at: "tomorrow" }, ["/start_at"]],
    [{ every: 60, start_at: "2030-01-01T00:00:00Z", end_at: "2029-01-01T00:00:00Z" }, ["/end_at"]],
    [{ every: 60, task: { task_type: "http.request", payload: {} } }, ["/task/payload/url"]],
    [
      { cron: "61 * * * *", start_at: "x", task: { ...TASK, lane: "short", timeout: 61 } },
      ["/cron", "/task/timeout", "/start_at"],
    ],
  ])("%j", async (wish, paths) => {
    const { status, body } = await make(wish);
    expect([status, body.code]).toEqual([422, "VALIDATION_FAILED"]);
    expect(pathsOf(body)).toEqual(paths);
  });

  test.each([
    { every: 0 },
    { every: 1.5 },
    { every: 60, missed: "maybe" },
    { every: 60, schedule_id: "a b" },
    { every: 60, schedule_id: "x".repeat(65) },
    { every: 60, task: { ...TASK, task_id: "one-for-all" } },
    { every: 60, task: { ...TASK, delay: 5 } },
    { every: 60, colour: "red" },
    { every: 60, task: undefined },
  ])("%j", async (wish) => {
    const { status, body } = await make(wish);
    expect([status, body.code]).toEqual([422, "VALIDATION_FAILED"]);
  });
});

test("a stranger finds nothing, an operator everything", async () => {
  await make({ schedule_id: "mine", every: 60 });
  for (const [method, path] of [
    ["GET", "/api/schedules/mine"],
    ["DELETE", "/api/schedules/mine"],
    ["POST", "/api/schedules/mine/pause"],
    ["POST", "/api/schedules/mine/trigger"],
  ] as const)
    expect((await api.stranger.call(method, path)).status).toBe(404);
  expect((await api.stranger.call("PATCH", "/api/schedules/mine", { every: 1 })).status).toBe(404);
  expect((await api.stranger.call("GET", "/api/schedules")).body.items).toEqual([]);
  expect((await api.operator.call("GET", "/api/schedules/mine")).status).toBe(200);
  expect((await api.operator.call("POST", "/api/schedules/mine/pause")).body.status).toBe("paused");
});
