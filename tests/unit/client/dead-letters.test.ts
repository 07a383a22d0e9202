import { describe, expect, test } from "bun:test";
import { broken, json, problem, scripted } from "./scripted-api.ts";

const letter = {
  task_id: "t-1",
  task_type: "simulate",
  lane: "short",
  payload: {},
  attempts: 3,
  error: { code: "SIMULATED_FAILURE", message: "no" },
  died_at: "2026-01-15T12:00:00.000Z",
};

describe("dead letters", () => {
  test("are listed by type, error and number", async () => {
    const { client, calls } = scripted([json(200, { items: [letter], next_cursor: null })]);
    const page = await client.dlq.list({ task_type: "simulate", error: "a & b", limit: 5 });
    expect(page.items[0]?.error.code).toBe("SIMULATED_FAILURE");
    expect(calls[0]?.path).toBe("/api/dlq?task_type=simulate&error=a+%26+b&limit=5");
  });

  test("are redriven as asked", async () => {
    const { client, calls } = scripted([json(202, { redriven: 1, task_ids: ["t-1"], skipped: [] })]);
    const request = { task_ids: ["t-1"], payload_patch: { failure_rate: 0 } };
    expect((await client.dlq.redrive(request)).redriven).toBe(1);
    expect(calls[0]).toMatchObject({ method: "POST", path: "/api/dlq/redrive", body: request });
  });

  test("are not redriven twice when the answer is lost", async () => {
    const { client, calls } = scripted([
      broken("ECONNRESET"),
      json(202, { redriven: 1, task_ids: ["t-1"], skipped: [] }),
    ]);
    await expect(client.dlq.redrive({ task_ids: ["t-1"] })).rejects.toThrow("no answer");
    expect(calls).toHaveLength(1);
  });

  test("that are not there cannot be discarded", async () => {
    const { client } = scripted([problem(404, "NOT_FOUND")]);
    await expect(client.dlq.discard("t-1")).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  test("are discarded once, although the answer was lost", async () => {
    const { client, calls } = scripted([broken("ECONNRESET"), problem(404, "NOT_FOUND")]);
    await client.dlq.discard("t-1");
    expect(calls.map((call) => call.method)).toEqual(["DELETE", "DELETE"]);
  });
});

describe("a dead letter", () => {
  test("comes with the error of every attempt", async () => {
    const history = [{ attempt: 1, status: "dead", error: letter.error }];
    const { client, calls } = scripted([json(200, { ...letter, history })]);
    expect((await client.dlq.get("t-1")).history).toMatchObject(history);
    expect(calls[0]?.path).toBe("/api/dlq/t-1");
  });
});

describe("health", () => {
  test("of an API that is not ready is an answer that names what is down", async () => {
    const checks = { database: { status: "down", reason: "gone" } };
    const { client, calls } = scripted([json(503, { status: "not_ready", checks })]);
    expect(await client.health()).toEqual({
      status: "not_ready",
      checks: { database: { status: "down", reason: "gone" } },
    });
    expect(calls).toHaveLength(1);
  });
});
