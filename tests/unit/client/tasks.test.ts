import { describe, expect, test } from "bun:test";
import { WaitTimeoutError } from "@millrace/client";
import { POLL_MS_FIRST, POLL_MS_MAX } from "@millrace/client/bounds";
import { broken, json, problem, scripted, task } from "./scripted-api.ts";

describe("submit", () => {
  test("makes an id, and sends the same one again when the answer was lost", async () => {
    const { client, calls } = scripted([broken("ECONNRESET"), json(201, task())]);
    await client.tasks.submit({ task_type: "simulate", payload: { duration_ms: 0 } });
    expect(calls).toHaveLength(2);
    expect(calls[0]?.body).toEqual(calls[1]?.body);
    expect(calls[0]?.body).toMatchObject({ task_type: "simulate", task_id: expect.any(String) });
  });

  test("keeps the id that it is given", async () => {
    const { client, calls } = scripted([json(201, task())]);
    await client.tasks.submit({ task_type: "simulate", task_id: "order-7" });
    expect(calls[0]?.body).toEqual({ task_type: "simulate", task_id: "order-7" });
  });

  test("tells a conflict of ids at once", async () => {
    const { client, calls } = scripted([problem(409, "TASK_ID_CONFLICT")]);
    await expect(client.tasks.submit({ task_type: "simulate" })).rejects.toMatchObject({
      code: "TASK_ID_CONFLICT",
    });
    expect(calls).toHaveLength(1);
  });
});

describe("submitBatch", () => {
  const answer = {
    items: [{ index: 0, status: 201, task_id: "t-1" }],
    accepted: 1,
    existing: 0,
    rejected: 0,
  };

  test("gives each task an id of its own", async () => {
    const { client, calls } = scripted([json(200, answer)]);
    await client.tasks.submitBatch([{ task_type: "a" }, { task_type: "b", task_id: "b-1" }]);
    expect(calls[0]?.path).toBe("/api/tasks/batch");
    expect(calls[0]?.body).toEqual([
      { task_type: "a", task_id: expect.any(String) },
      { task_type: "b", task_id: "b-1" },
    ]);
  });

  test("asks for all or none only when told", async () => {
    const { client, calls } = scripted([json(200, answer)]);
    await client.tasks.submitBatch([{ task_type: "a" }], { isAtomic: true });
    expect(calls[0]?.path).toBe("/api/tasks/batch?atomic=true");
  });
});

describe("reading", () => {
  test("an id is escaped in the path", async () => {
    const { client, calls } = scripted([json(200, task())]);
    await client.tasks.get("a/../b?c");
    expect(calls[0]?.path).toBe("/api/tasks/a%2F..%2Fb%3Fc");
  });

  test("a list sends what the filter has, and nothing else", async () => {
    const page = { items: [task()], total: 1, limit: 5, offset: 0, next_cursor: null };
    const { client, calls } = scripted([json(200, page)]);
    expect((await client.tasks.list({ status: "failed", limit: 5 })).items).toHaveLength(1);
    expect(calls[0]?.path).toBe("/api/tasks?status=failed&limit=5");
  });

  test("attempts come as a list", async () => {
    const attempt = {
      attempt: 1,
      status: "failed",
      worker_id: "w-1",
      started_at: null,
      ended_at: null,
      error: null,
    };
    const { client } = scripted([json(200, { items: [attempt] })]);
    expect(await client.tasks.attempts("t-1")).toMatchObject([{ attempt: 1, status: "failed" }]);
  });
});

describe("graphs", () => {
  test("a graph is read, and its tasks are cancelled or brought back by their scope", async () => {
    const graph = { nodes: [], edges: [{ from: "a", to: "b" }], truncated: false };
    const action = { task_id: "t-1", scope: "subtree", nodes: 2, changed: 1, truncated: false };
    const { client, calls } = scripted([json(200, graph), json(200, action), json(200, action)]);
    expect(await client.tasks.graph("t-1")).toEqual(graph as never);
    expect(await client.tasks.cancelAll("t-1", "subtree")).toEqual(action as never);
    await client.tasks.retryAll("t-1", "graph");
    expect(calls.map((call) => call.path)).toEqual([
      ...["/api/tasks/t-1/graph", "/api/tasks/t-1/cancel?subtree=true", "/api/tasks/t-1/retry?graph=true"],
    ]);
  });

  test("bringing back is not repeated when its answer is lost, cancelling is", async () => {
    const action = { task_id: "t-1", scope: "graph", nodes: 2, changed: 1, truncated: false };
    const lost = scripted([broken("ECONNRESET"), json(200, action)]);
    await expect(lost.client.tasks.retryAll("t-1", "graph")).rejects.toThrow();
    const again = scripted([broken("ECONNRESET"), json(200, action)]);
    expect(await again.client.tasks.cancelAll("t-1", "graph")).toEqual(action as never);
  });
});

describe("cancel", () => {
  test("tells that the task had ended", async () => {
    const { client } = scripted([problem(409, "TASK_STATE_CONFLICT")]);
    await expect(client.tasks.cancel("t-1")).rejects.toMatchObject({ code: "TASK_STATE_CONFLICT" });
  });

  test("is asked for again when its answer was lost", async () => {
    const cancelled = task({ status: "cancelled", phase: "cancelled" });
    const { client, calls } = scripted([broken("ECONNRESET"), json(200, cancelled)]);
    expect(await client.tasks.cancel("t-1")).toEqual(cancelled);
    expect(calls.map((call) => call.path)).toEqual(["/api/tasks/t-1/cancel", "/api/tasks/t-1/cancel"]);
  });
});

describe("waitFor", () => {
  test("returns the task however it ended, and shows it on its way", async () => {
    for (const status of ["completed", "failed", "cancelled"] as const) {
      const phases: string[] = [];
      const { client } = scripted([
        json(200, task()),
        json(200, task({ phase: "running" })),
        json(200, task({ status })),
      ]);
      const ended = await client.tasks.waitFor("t-1", { onSight: (seen) => phases.push(seen.phase) });
      expect(ended.status).toBe(status);
      expect(phases).toEqual(["queued", "running", "queued"]);
    }
  });

  test("looks less often the longer it lasts, up to a bound", async () => {
    const looks = [
      ...Array.from({ length: 20 }, () => json(200, task())),
      json(200, task({ status: "completed" })),
    ];
    const { client, waits } = scripted(looks);
    await client.tasks.waitFor("t-1");
    expect(waits[0]).toBe(POLL_MS_FIRST);
    expect(waits).toEqual([...waits].sort((one, other) => one - other));
    expect(waits.at(-1)).toBe(POLL_MS_MAX);
  });

  test("ends in time with the task as it was seen last", async () => {
    const { client } = scripted([json(200, task({ phase: "retry_wait" }))]);
    const error = await client.tasks.waitFor("t-1", { timeoutMs: 20 }).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(WaitTimeoutError);
    expect(error).toMatchObject({ task: { phase: "retry_wait" } });
  });

  test("tells that there is no such task", async () => {
    const { client } = scripted([problem(404, "NOT_FOUND")]);
    await expect(client.tasks.waitFor("t-1")).rejects.toMatchObject({ code: "NOT_FOUND" });
  });
});
