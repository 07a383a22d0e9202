import { afterAll, beforeAll, expect, test } from "bun:test";
import parsePrometheusTextFormat from "parse-prometheus-text-format";
import { type ApiUnderTest, startApi } from "../../../support/api.ts";

let isNatsUp = true;
let api: ApiUnderTest;
let withoutMetrics: ApiUnderTest;
beforeAll(async () => {
  const checks = {
    nats: async () => {
      if (!isNatsUp) throw new Error("NATS does not answer");
    },
  };
  api = await startApi({ checks });
  withoutMetrics = await startApi({ isMetricsPublic: false });
});
afterAll(async () => {
  await api.close();
  await withoutMetrics.close();
});

test("live and ready tell different things: what is down is named, and the process lives on", async () => {
  isNatsUp = false;
  const ready = await api.call("GET", "/health/ready");
  expect(ready.status).toBe(503);
  expect(ready.body).toEqual({
    status: "not_ready",
    checks: { nats: { status: "down", reason: "NATS does not answer" } },
  });
  const live = await api.call("GET", "/health/live");
  expect([live.status, live.body]).toEqual([200, { status: "live" }]);
});

test("requests are counted and timed by route, not by path", async () => {
  for (let n = 0; n < 3; n += 1) await api.call("DELETE", `/api/auth/keys/key_${n}`, { token: "nobody" });
  for (let n = 0; n < 3; n += 1) await api.call("GET", `/made-up/${n}`);
  const { text, headers } = await api.call("GET", "/metrics");
  expect(headers.get("Content-Type")).toStartWith("text/plain");
  const families = parsePrometheusTextFormat(text);
  const requests = families.find(({ name }) => name === "millrace_http_requests_total");
  expect(requests?.metrics).toContainEqual(
    expect.objectContaining({
      value: "1",
      labels: { route: "/health/live", method: "GET", status: "2xx", service: "api" },
    }),
  );
  expect(requests?.metrics).toContainEqual(
    expect.objectContaining({
      labels: { route: "unmatched", method: "GET", status: "4xx", service: "api" },
      value: "3",
    }),
  );
  expect(text).not.toContain("made-up");
  expect(text).toContain("millrace_http_request_duration_seconds_bucket");
});

test("without METRICS_ENABLED there is no such path", async () => {
  expect((await withoutMetrics.call("GET", "/metrics")).status).toBe(404);
});
