import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { isCorrelationId } from "@millrace/core";
import { type ApiUnderTest, type Session, signUp, startApi } from "../../support/api.ts";

let api: ApiUnderTest;
let session: Session;
beforeAll(async () => {
  api = await startApi();
  session = await signUp(api.call, "ann@example.org");
});
afterAll(() => api.close());

const lineOf = (correlationId: string) => api.lines.find((line) => line.correlation_id === correlationId);

describe("identity", () => {
  test("without it, what exists is refused and what does not exist does not exist", async () => {
    const refused = await api.call("GET", "/api/auth/me");
    expect(refused.body).toMatchObject({ status: 401, code: "UNAUTHENTICATED" });
    expect(refused.headers.get("WWW-Authenticate")).toBe('Bearer realm="millrace"');
    expect((await api.call("GET", "/api/nothing")).status).toBe(404);
    expect((await api.call("PUT", "/api/auth/me")).status).toBe(405);
  });

  test("somebody unknown is refused before the body is read", async () => {
    const body = new ReadableStream({
      pull: () => {
        throw new Error("the body was read");
      },
    });
    const init = { method: "POST", body, headers: { Authorization: "Bearer wrong" } };
    const response = await fetchInProcess("/api/auth/keys", init);
    expect(response.status).toBe(401);
  });

  test.each([
    "/%61pi/auth/me",
    "/api/%61uth/me",
    "/api//auth/me",
    "//api/auth/me",
    "/api/auth/../auth/me",
    "/API/auth/me",
  ])("%s is no way around it", async (path) => {
    expect([401, 404]).toContain((await api.call("GET", path)).status);
  });

  test("a wrong token on an open route does no harm", async () => {
    const { status } = await api.call("POST", "/api/auth/refresh", {
      token: "wrong",
      body: { refresh_token: "x" },
    });
    expect(status).toBe(401);
    expect((await api.call("GET", "/health/live", { token: "wrong" })).status).toBe(200);
  });
});

function fetchInProcess(path: string, init: RequestInit): Promise<Response> {
  return Promise.resolve(api.app.handle(new Request(`http://localhost${path}`, init)));
}

describe("correlation", () => {
  test("a sane id of the caller comes back, in the header, the problem and the log", async () => {
    const headers = { "X-Correlation-Id": "order-4711/attempt=2" };
    const ok = await api.call("GET", "/health/live", { headers });
    expect(ok.headers.get("X-Correlation-Id")).toBe("order-4711/attempt=2");
    const refused = await api.call("GET", "/api/auth/me", { headers });
    expect(refused.headers.get("X-Correlation-Id")).toBe("order-4711/attempt=2");
    expect(refused.body.correlation_id).toBe("order-4711/attempt=2");
    expect(lineOf("order-4711/attempt=2")).toBeDefined();
  });

  test.each(["", "two words", "a\tb", "x".repeat(129), "<script>", "-x"])("%p is replaced", async (id) => {
    const { headers } = await api.call("GET", "/health/live", { headers: { "X-Correlation-Id": id } });
    const made = headers.get("X-Correlation-Id") ?? "";
    expect(made).not.toBe(id);
    expect(isCorrelationId(made)).toBe(true);
  });
});

describe("paths and methods", () => {
  test("a method that a path lacks is refused with those that it has", async () => {
    const refused = await api.call("DELETE", "/api/auth/keys", { token: session.accessToken });
    expect(refused.body).toMatchObject({ status: 405, code: "METHOD_NOT_ALLOWED" });
    expect(refused.headers.get("Allow")).toBe("GET, HEAD, OPTIONS, POST");
  });

  test("OPTIONS lists the methods, of paths that exist", async () => {
    const options = await api.call("OPTIONS", "/api/auth/keys/key_1");
    expect([options.status, options.headers.get("Allow"), options.text]).toEqual([
      204,
      "DELETE, OPTIONS",
      "",
    ]);
    expect((await api.call("OPTIONS", "/api/nothing")).status).toBe(404);
  });

  test("HEAD answers like GET, without the body", async () => {
    const get = await api.call("GET", "/health/live");
    const head = await api.call("HEAD", "/health/live");
    expect([head.status, head.text]).toEqual([200, ""]);
    expect(head.headers.get("Content-Length")).toBe(String(get.text.length));
    expect((await api.call("HEAD", "/api/auth/me")).status).toBe(401);
  });

  test.each([
    "/api/auth/keys/%zz",
    "/api/auth/keys/%ff",
    "/api/auth/keys/a%00b",
    "/health/live?q=%",
    "/%c0%af",
  ])("%s is refused as malformed", async (path) => {
    const refused = await api.call("DELETE", path, { token: session.accessToken });
    expect(refused.body).toMatchObject({ status: 400, code: "BAD_REQUEST" });
  });

  test("a slash at the end counts for nothing", async () => {
    expect((await api.call("GET", "/api/auth/me/", { token: session.accessToken })).status).toBe(200);
    expect((await api.call("POST", "/api/auth/login/", { body: {} })).status).toBe(422);
  });
});

describe("bodies", () => {
  const send = (body: unknown, contentType?: string) =>
    api.call("POST", "/api/auth/login", {
      body,
      ...(contentType !== undefined && { headers: { "Content-Type": contentType } }),
    });

  test.each([
    "text/plain",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "application/jsonx",
    "json",
  ])("%s is refused with what to send instead", async (contentType) => {
    const refused = await send("{}", contentType);
    expect(refused.body).toMatchObject({ status: 415, code: "UNSUPPORTED_MEDIA_TYPE" });
    expect(refused.body.detail).toContain("application/json");
  });

  test.each([
    "application/json; charset=utf-8",
    "Application/JSON",
    "application/vnd.x+json",
    'application/json;charset="UTF-8"',
  ])("%s is read", async (contentType) => {
    expect((await send("{}", contentType)).status).toBe(422);
  });

  test("another charset and a compressed body are refused", async () => {
    expect((await send("{}", "application/json; charset=latin1")).status).toBe(415);
    const headers = { "Content-Encoding": "gzip" };
    expect((await api.call("POST", "/api/auth/login", { body: "{}", headers })).status).toBe(415);
  });

  test.each(["", "{", "[1,", '"\\ud800"', "\0"])("%p is BAD_JSON", async (body) => {
    expect((await send(body)).body).toMatchObject({ status: 400, code: "BAD_JSON" });
  });

  test.each([
    "null",
    "[]",
    "1",
    '"x"',
    '{"email":1,"password":[]}',
    '{"email":{"$ne":null},"password":{"$ne":null}}',
  ])("%s breaks the schema", async (body) => {
    expect((await send(body)).body).toMatchObject({ status: 422, code: "VALIDATION_FAILED" });
  });

  test("every field that is wrong is listed, once", async () => {
    const { body } = await send({ email: 5, surprise: true, "a/b": 1 });
    expect(body.errors).toEqual([
      { path: "/password", message: "is required" },
      { path: "/surprise", message: "is not a known field" },
      { path: "/a~1b", message: "is not a known field" },
      { path: "/email", message: "must be a string" },
    ]);
  });

  test("what was sent is not sent back", async () => {
    const { text } = await send({ email: "a@example.org", password: ["hunter2 in a list"] });
    expect(text).not.toContain("hunter2");
  });
});

describe("log", () => {
  test("a refusal is one line at INFO with route, status, code and user", async () => {
    const { headers } = await api.call("DELETE", "/api/auth/keys/key_9", { token: session.accessToken });
    const id = headers.get("X-Correlation-Id") ?? "";
    expect(api.lines.filter((line) => line.correlation_id === id)).toHaveLength(1);
    expect(lineOf(id)).toMatchObject({
      level: "INFO",
      method: "DELETE",
      route: "/api/auth/keys/:key_id",
      status: 404,
      code: "NOT_FOUND",
      via: "jwt",
    });
  });

  test("a success is a line at DEBUG", async () => {
    const { headers } = await api.call("GET", "/health/live");
    expect(lineOf(headers.get("X-Correlation-Id") ?? "")).toMatchObject({ level: "DEBUG", status: 200 });
  });

  test("a flood of refusals is no flood of lines, and the next line says how many are missing", async () => {
    api.advance(10_000);
    const before = api.lines.length;
    for (let n = 0; n < 150; n += 1) await api.call("GET", "/nothing");
    expect(api.lines.length - before).toBe(100);
    api.advance(1_000);
    await api.call("GET", "/nothing");
    expect(api.lines.at(-1)).toMatchObject({ suppressed_lines: 50 });
  });

  test("an error of ours is told to the log with its cause, and to the caller without", async () => {
    await api.sql`alter table users rename to users_away`;
    const failed = await api.call("GET", "/api/auth/me", { token: session.accessToken });
    await api.sql`alter table users_away rename to users`;
    expect(failed.body).toMatchObject({ status: 500, code: "INTERNAL", title: "An error of ours" });
    expect(failed.text).not.toContain("users");
    const line = lineOf(String(failed.body.correlation_id));
    expect(line).toMatchObject({ level: "ERROR", status: 500, code: "INTERNAL" });
    expect(JSON.stringify(line?.error)).toContain('relation \\"users\\" does not exist');
  });
});

test("every response says not to be sniffed nor kept", async () => {
  for (const path of ["/health/live", "/nothing", "/api/auth/me", "/"]) {
    const { headers } = await api.call("GET", path);
    expect(headers.get("X-Content-Type-Options")).toBe("nosniff");
    expect(headers.get("Cache-Control")).toBe("no-store");
  }
});
