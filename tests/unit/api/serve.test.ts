import { afterAll, beforeAll, expect, test } from "bun:test";
import { type Listening, serve } from "@millrace/api/serve";
import { ensureAdmin } from "@millrace/api/use-cases/ensure-admin";
import { AUTH_BODY_BYTES_MAX, BODY_BYTES_MAX } from "@millrace/core/limits";
import { ADMIN, type ApiUnderTest, startApi } from "../../support/api.ts";
import { exchange } from "../../support/raw-http.ts";

let api: ApiUnderTest;
let listening: Listening;
beforeAll(async () => {
  api = await startApi();
  await ensureAdmin(api.ports, ADMIN);
  listening = serve(api.app, { host: "127.0.0.1", port: 0 });
});
afterAll(async () => {
  await listening.stop();
  await api.close();
});

const LOGIN = "POST /api/auth/login HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n";
const KEYS = `POST /api/auth/keys HTTP/1.1\r\nHost: h\r\nX-API-Key: ${ADMIN.apiKey}\r\n`;
const LIVE = "GET /health/live HTTP/1.1\r\nHost: h\r\n\r\n";
const send = (request: string, until?: (received: string) => boolean) =>
  exchange(listening.port, request, until);

test("a body that is declared too large is refused before it is sent", async () => {
  const answer = await send(`${KEYS}Content-Length: ${BODY_BYTES_MAX + 1}\r\n\r\n`);
  expect(answer).toStartWith("HTTP/1.1 413 ");
  expect(answer).toContain('"code":"BODY_TOO_LARGE"');
  expect(answer).toContain("application/problem+json");
});

test("where anybody may send a body, it must be small", async () => {
  const answer = await send(`${LOGIN}Content-Length: ${AUTH_BODY_BYTES_MAX + 1}\r\n\r\n`);
  expect(answer).toContain('"code":"BODY_TOO_LARGE"');
});

test("a body of sixteen megabytes is read to its end", async () => {
  const body = `{"name":"${"x".repeat(BODY_BYTES_MAX - 11)}"}`;
  const answer = await send(`${KEYS}Content-Length: ${body.length}\r\n\r\n${body}`);
  expect(answer).toStartWith("HTTP/1.1 422 ");
});

test("a terabyte that is declared is refused in the same words", async () => {
  const answer = await send(`${LOGIN}Content-Length: ${10 ** 12}\r\n\r\n`);
  expect(answer).toContain('"code":"BODY_TOO_LARGE"');
});

test("a body without a declared length is refused as soon as it is too large, and the connection goes on", async () => {
  const chunk = `100000\r\n${"x".repeat(0x100000)}\r\n`;
  const chunks = chunk.repeat(Math.ceil(BODY_BYTES_MAX / 0x100000) + 1);
  const answer = await send(
    `${LOGIN}Transfer-Encoding: chunked\r\n\r\n${chunks}0\r\n\r\n${LIVE}`,
    (received) => received.includes('{"status":"live"}'),
  );
  expect(answer).toStartWith("HTTP/1.1 413 ");
  expect(answer).toContain("HTTP/1.1 200 OK");
});

test("a chunked body of the right size is read", async () => {
  const answer = await send(`${LOGIN}Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n`);
  expect(answer).toStartWith("HTTP/1.1 422 ");
});

test("a POST without any body is BAD_JSON", async () => {
  expect(await send(`${LOGIN}\r\n`)).toContain('"code":"BAD_JSON"');
});

test.each(["GET", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH", "TRACE"])(
  "%s is answered as in the process",
  async (method) => {
    const answer = await send(`${method} /health/live HTTP/1.1\r\nHost: a\r\n\r\n`);
    const status =
      new Map([
        ["GET", 200],
        ["HEAD", 200],
        ["OPTIONS", 204],
      ]).get(method) ?? 405;
    expect(answer).toStartWith(`HTTP/1.1 ${status} `);
    expect(answer.toLowerCase()).toContain("x-correlation-id: ");
    if (status !== 200) expect(answer.toLowerCase()).toContain("allow: get, head, options");
  },
);

test.each([
  ["a path that does not decode", "GET /api/auth/keys/%zz HTTP/1.1\r\nHost: h\r\n\r\n", 400],
  ["a NUL in the path", "GET /api/auth/keys/%00 HTTP/1.1\r\nHost: h\r\n\r\n", 400],
  ["an escaped way around the door", "GET /%61pi/auth/me HTTP/1.1\r\nHost: h\r\n\r\n", 404],
  ["two slashes", "GET //api/auth/me HTTP/1.1\r\nHost: h\r\n\r\n", 404],
  ["no Host", "GET /health/live HTTP/1.1\r\n\r\n", 400],
  ["two lengths", `${LOGIN}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, 400],
  ["a negative length", `${LOGIN}Content-Length: -1\r\n\r\n`, 400],
  ["no HTTP", "\x16\x03\x01\r\n\r\n", 400],
  ["a header of 20 000 characters", `GET /${"a".repeat(20_000)} HTTP/1.1\r\nHost: h\r\n\r\n`, 431],
])("%s is no 5xx", async (_, request, status) => {
  expect(await send(request)).toStartWith(`HTTP/1.1 ${status} `);
});

test("a second process on the same port fails instead of taking a part of the requests", () => {
  expect(() => serve(api.sibling().app, { host: "127.0.0.1", port: listening.port })).toThrow();
});
