import { afterEach, expect, test } from "bun:test";
import { createHealth, createMetrics, type HealthServer, startHealthServer } from "@millrace/observe";

let server: HealthServer | undefined;
afterEach(() => server?.stop());

function start(check: () => Promise<void>, withMetrics = true): string {
  const metrics = withMetrics ? createMetrics({ service: "worker" }) : undefined;
  server = startHealthServer({
    host: "127.0.0.1",
    port: 0,
    health: createHealth({ checks: { nats: check } }),
    metrics,
  });
  return server.url;
}

test("ready answers 200 with what is up", async () => {
  const response = await fetch(`${start(async () => {})}/health/ready`);
  expect(response.status).toBe(200);
  expect(await response.json()).toEqual({ status: "ready", checks: { nats: { status: "up" } } });
});

test("not ready answers 503 with what is down, and live stays 200", async () => {
  const url = start(async () => {
    throw new Error("gone");
  });
  const ready = await fetch(`${url}/health/ready`);
  expect(ready.status).toBe(503);
  expect(await ready.json()).toEqual({
    status: "not_ready",
    checks: { nats: { status: "down", reason: "gone" } },
  });
  const live = await fetch(`${url}/health/live`);
  expect([live.status, await live.json()]).toEqual([200, { status: "live" }]);
});

test("metrics are served as Prometheus reads them", async () => {
  const response = await fetch(`${start(async () => {})}/metrics`);
  expect(response.headers.get("content-type")).toStartWith("text/plain; version=0.0.4");
  expect(await response.text()).toContain('process_cpu_seconds_total{mode="user",service="worker"}');
});

test("metrics that are switched off do not exist", async () => {
  expect((await fetch(`${start(async () => {}, false)}/metrics`)).status).toBe(404);
});

test("every answer carries a correlation id: the caller's, or a new one", async () => {
  const url = start(async () => {});
  const given = await fetch(`${url}/health/live`, { headers: { "X-Correlation-Id": "c-1" } });
  expect(given.headers.get("x-correlation-id")).toBe("c-1");
  const made = await fetch(`${url}/nowhere`);
  expect(made.headers.get("x-correlation-id")).toMatch(/^[0-9a-f-]{36}$/);
});

test("other paths and methods are refused as problems", async () => {
  const url = start(async () => {});
  const nowhere = await fetch(`${url}/`);
  expect(nowhere.headers.get("content-type")).toBe("application/problem+json");
  expect(nowhere.status).toBe(404);
  expect(await nowhere.json()).toMatchObject({ status: 404, code: "NOT_FOUND" });
  const post = await fetch(`${url}/health/live`, { method: "POST" });
  expect([post.status, post.headers.get("allow")]).toEqual([405, "GET, HEAD"]);
});

test("a port that is taken is refused", () => {
  start(async () => {});
  const port = server?.port ?? 0;
  expect(() =>
    startHealthServer({ host: "127.0.0.1", port, health: createHealth({ checks: {} }) }),
  ).toThrow();
});
