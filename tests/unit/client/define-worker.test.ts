import { describe, expect, test } from "bun:test";
import { AttemptStopped, defineWorker, type Handler, type Json, type Worker } from "@millrace/client";
import { problem, untilSo, type WorkerApi, workerApi } from "./worker-api.ts";

interface Shop {
  readonly api: WorkerApi;
  readonly worker: Worker<{ render: Json }>;
  readonly troubles: string[];
}

function open(
  handler: Handler<Json>,
  more: { slots?: number; drainMsMax?: number; awayMsMax?: number } = {},
): Shop {
  const api = workerApi();
  const troubles: string[] = [];
  const { slots = 2, ...rest } = more;
  const worker = defineWorker<{ render: Json }>({
    ...{ baseUrl: "http://api.test", apiKey: "k", workerId: "w", handlesSignals: false, fetch: api.fetch },
    ...{ capabilities: { render: handler }, maxConcurrentTasks: slots, ...rest },
    onTrouble: (doing) => void troubles.push(doing),
  });
  return { api, worker, troubles };
}

/** A handler that ends when the test says so, or when it is stopped. */
function held() {
  const ends = new Map<string, (result: Json) => void>();
  const stopped: string[] = [];
  const handler: Handler<Json> = (task, { signal }) =>
    new Promise((resolve, reject) => {
      ends.set(task.task_id, resolve);
      signal.addEventListener("abort", () => {
        stopped.push(signal.reason instanceof AttemptStopped ? signal.reason.why : "else");
        reject(signal.reason);
      });
    });
  return { handler, stopped, end: (taskId: string) => ends.get(taskId)?.({ by: taskId }) };
}

describe("a worker", () => {
  test("registers, leases, runs its handler, tells the result, and says goodbye", async () => {
    const { api, worker } = open(({ payload }) => payload);
    const running = worker.run();
    api.give("a");
    expect(await api.until("complete")).toEqual({ lease_token: "token-a", result: { id: "a" } });
    await worker.stop();
    await running;
    expect(api.of("register")).toEqual([
      { worker_id: "w", capabilities: ["render"], max_concurrent_tasks: 2, instance: expect.any(String) },
    ]);
    expect(api.of("lease")[0]).toEqual({ max_tasks: 2, wait_seconds: expect.any(Number), session: "w~1" });
    expect(api.seen.at(-1)?.word).toBe("remove");
    expect(api.of("heartbeat").at(-1)).toMatchObject({ status: "draining", current_tasks: [] });
  });

  test("asks for no more than it has room for, and for nothing while it has none", async () => {
    const { handler, end } = held();
    const { api, worker } = open(handler);
    const running = worker.run();
    api.give("a");
    await api.until("lease", 2);
    api.give("b", "c");
    await api.until("heartbeat", 3);
    expect(api.of("lease").map(({ max_tasks: wanted }) => wanted)).toEqual([2, 1]);
    expect(worker.currentTasks.toSorted()).toEqual(["a", "b"]);
    end("b");
    await api.until("lease", 3);
    expect(api.of("lease")[2]?.max_tasks).toBe(1);
    for (const id of ["a", "c"]) {
      await untilSo(() => worker.currentTasks.includes(id), `${id} runs`);
      end(id);
    }
    await api.until("complete", 3);
    await worker.stop();
    await running;
  });

  test("beats with what it runs, and stops what was cancelled, of which it tells nothing", async () => {
    const { handler, stopped } = held();
    const { api, worker } = open(handler);
    const running = worker.run();
    api.give("a");
    await untilSo(() => worker.currentTasks.length > 0, "a task runs");
    const beats = api.of("heartbeat").length;
    expect(await api.until("heartbeat", beats + 2)).toEqual({
      status: "active",
      current_tasks: ["a"],
      session: "w~1",
    });
    api.answer("heartbeat", [200, { drain: false, cancelled: ["a", "unheard"] }]);
    await untilSo(() => worker.currentTasks.length === 0, "none runs");
    expect(stopped).toEqual(["cancelled"]);
    await worker.stop();
    await running;
    expect([api.of("complete"), api.of("fail")]).toEqual([[], []]);
  });

  test("run twice is one life", async () => {
    const { api, worker } = open(() => null);
    expect(worker.run()).toBe(worker.run());
    await api.until("lease");
    await worker.stop();
    expect(api.of("register")).toHaveLength(1);
  });
});

describe("leaving", () => {
  test("at an operator's wish it takes nothing new, and lets what runs come to its end", async () => {
    const { handler, end } = held();
    const { api, worker } = open(handler);
    const running = worker.run();
    api.give("a");
    await api.until("lease", 2);
    api.answer("heartbeat", [200, { drain: true, cancelled: [] }]);
    await untilSo(() => api.of("heartbeat").at(-1)?.status === "draining", "it drains");
    const leases = api.of("lease").length;
    end("a");
    await running;
    expect(api.of("complete")).toHaveLength(1);
    expect(api.of("lease")).toHaveLength(leases);
  });

  test("what does not end in time is stopped and given back: no result, no failure", async () => {
    const { handler, stopped } = held();
    const { api, worker } = open(handler, { drainMsMax: 20 });
    const running = worker.run();
    api.give("a");
    await untilSo(() => worker.currentTasks.length > 0, "a task runs");
    await worker.stop();
    await running;
    expect(stopped).toEqual(["stopped"]);
    expect([api.of("complete"), api.of("fail"), api.of("remove").length]).toEqual([[], [], 1]);
  });
});

describe("when something is wrong", () => {
  test("with its rights, run rejects with the answer, at once", async () => {
    const { api, worker, troubles } = open(() => null);
    api.answer("register", problem(403, "FORBIDDEN"));
    expect(await worker.run().catch((error: unknown) => error)).toMatchObject({ code: "FORBIDDEN" });
    expect([troubles, api.seen.map(({ word }) => word)]).toEqual([["register"], ["register"]]);
  });

  test("another process is this worker by now: run rejects, what runs is stopped, and nothing is removed", async () => {
    const { handler, stopped } = held();
    const { api, worker } = open(handler, { drainMsMax: 20 });
    const running = worker.run().catch((error: unknown) => error);
    api.give("a");
    await untilSo(() => worker.currentTasks.length > 0, "a task runs");
    api.answer("heartbeat", problem(409, "WORKER_REPLACED"));
    expect(await running).toMatchObject({ code: "WORKER_REPLACED" });
    expect([stopped, api.of("remove")]).toEqual([["stopped"], []]);
  });

  test("the API has forgotten it: it registers again as the same life, and goes on", async () => {
    const { api, worker } = open(({ payload }) => payload);
    const running = worker.run();
    await api.until("lease");
    api.answer("heartbeat", problem(404, "NOT_FOUND"));
    await api.until("register", 2);
    api.give("a");
    await api.until("complete");
    await worker.stop();
    await running;
    const [first, second] = api.of("register");
    expect(second).toEqual(first);
  });

  test("the API is away for a while: what went wrong is told, and the worker goes on", async () => {
    const { api, worker, troubles } = open(({ payload }) => payload);
    const broken = Object.assign(new Error("reset"), { code: "ECONNRESET" });
    api.answer("lease", broken, broken);
    api.give("a");
    const running = worker.run();
    await api.until("complete");
    expect(troubles.filter((doing) => doing === "lease tasks")).toHaveLength(2);
    await worker.stop();
    await running;
  });

  test("the API is away for longer than it may be: run rejects", async () => {
    const { api, worker } = open(() => null, { awayMsMax: 0 });
    api.answer("lease", Object.assign(new Error("reset"), { code: "ECONNRESET" }));
    expect(await worker.run().catch((error: unknown) => error)).toMatchObject({ name: "UnreachableError" });
  });
});
