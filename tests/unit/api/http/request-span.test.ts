import { expect, test } from "bun:test";
import type { RequestScope } from "@millrace/api/http/request-scope";
import { endRequestSpan, startRequestSpan } from "@millrace/api/http/request-span";
import { Fault } from "@millrace/core";
import { noteSpans } from "../../../support/noted-spans.ts";

const PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

function request(path: string, init: RequestInit = {}): Request {
  return new Request(`http://api.test:8000${path}`, init);
}

function traced(of: Request, status: number, scope: Partial<RequestScope> = {}) {
  const tracing = noteSpans();
  const span = startRequestSpan(tracing, of);
  if (span === undefined) throw new Error("it is not traced");
  const left = { correlationId: "c-1", startedMs: 0, route: undefined, identity: undefined };
  endRequestSpan(span, { request: of, scope: { ...left, failure: undefined, span, ...scope }, status });
  const [noted] = tracing.spans;
  if (noted === undefined) throw new Error("nothing was noted");
  return noted;
}

test("what is served to users is traced; probes, scrapes and the page's files are not", () => {
  const isTraced = (path: string) => startRequestSpan(noteSpans(), request(path)) !== undefined;
  for (const path of ["/api/tasks", "/v1/logs", "/_bulk", "/logs/_bulk", "/api/auth/login"])
    expect({ path, isTraced: isTraced(path) }).toEqual({ path, isTraced: true });
  for (const path of ["/", "/metrics", "/health/ready", "/assets/page.js", "/docs"])
    expect({ path, isTraced: isTraced(path) }).toEqual({ path, isTraced: false });
});

test("a span is named by its route, and says neither query nor host", () => {
  const of = request("/api/tasks/t-1?token=hidden", { headers: { traceparent: PARENT, tracestate: "a=b" } });
  const noted = traced(of, 200, { route: "/api/tasks/:task_id" });
  expect(noted).toMatchObject({ name: "GET /api/tasks/:task_id", failures: [], ends: 1 });
  expect(noted.start).toMatchObject({ kind: "server", parent: `${PARENT} a=b` });
  expect(noted.attributes).toEqual({
    "http.request.method": "GET",
    "http.response.status_code": 200,
    "http.route": "/api/tasks/:task_id",
    "millrace.correlation_id": "c-1",
    "url.path": "/api/tasks/t-1",
    "url.scheme": "http",
  });
});

test("without a route the name is the method's, one that nobody knows has none, and long paths are cut", () => {
  // The constructor takes only methods that it knows; the server passes on any.
  const unknown = Object.defineProperty(request(`/api/${"x".repeat(5_000)}`), "method", { value: "BREW" });
  const noted = traced(unknown, 404);
  expect(noted.name).toBe("HTTP");
  expect(noted.attributes).toMatchObject({ "http.request.method": "_OTHER" });
  expect(String(noted.attributes["url.path"])).toHaveLength(256);
});

test("a refusal is told by its code, and only what failed here is a failure", () => {
  const refused = traced(request("/api/tasks"), 401, { failure: new Fault("UNAUTHENTICATED", "who?") });
  expect(refused.failures).toEqual([]);
  expect(refused.attributes["millrace.fault"]).toBe("UNAUTHENTICATED");
  const failed = traced(request("/api/tasks"), 503, { failure: new Fault("STORE_UNAVAILABLE", "away") });
  expect(failed.failures).toEqual([["STORE_UNAVAILABLE", "away"]]);
});

test("a parent that is not sane is none", () => {
  const { start } = traced(request("/api/tasks", { headers: { traceparent: "garbage" } }), 200);
  expect(start.parent).toBeUndefined();
});
