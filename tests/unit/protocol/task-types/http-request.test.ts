import { describe, expect, test } from "bun:test";
import type { Json } from "@millrace/core";
import { HTTP_HEADERS_BYTES_MAX, HTTP_HEADERS_MAX, HTTP_URL_CHARS_MAX } from "@millrace/core/limits";
import { parseHttpRequest } from "@millrace/protocol/task-types/index";

const url = "https://api.example.test/orders";

function parsed(payload: Json) {
  const result = parseHttpRequest(payload);
  if (!result.ok) throw new Error(JSON.stringify(result.errors));
  return result.value;
}

function paths(payload: Json): string[] {
  const result = parseHttpRequest(payload);
  return result.ok ? [] : result.errors.map((problem) => problem.path);
}

test("a URL alone is a GET without a body that expects 2xx", () => {
  expect(parsed({ url })).toEqual({
    url,
    method: "GET",
    headers: {},
    body: null,
    expectStatus: [{ from: 200, to: 299 }],
  });
});

test("a body makes it a POST, and JSON unless it is text", () => {
  const json = parsed({ url, body: { a: [1] } });
  expect([json.method, json.body, json.headers["content-type"]]).toEqual([
    "POST",
    '{"a":[1]}',
    "application/json",
  ]);
  const text = parsed({ url, body: "a=1" });
  expect([text.body, text.headers["content-type"]]).toEqual(["a=1", "text/plain; charset=utf-8"]);
});

test("a content type of the task's own stays, in any spelling of its name", () => {
  const value = parsed({ url, body: { a: 1 }, headers: { "Content-Type": "application/vnd.api+json" } });
  expect(value.headers).toEqual({ "content-type": "application/vnd.api+json" });
});

test("falsy bodies are bodies, null is none", () => {
  expect(parsed({ url, body: 0 }).body).toBe("0");
  expect(parsed({ url, body: false }).body).toBe("false");
  expect(parsed({ url, body: "" }).body).toBe("");
  expect(parsed({ url, body: null })).toMatchObject({ body: null, method: "GET" });
});

test("methods are taken in lower case, and the fragment does not travel", () => {
  expect(parsed({ url: `${url}#part`, method: "patch" })).toMatchObject({ method: "PATCH", url });
});

test("expect_status takes statuses and ranges, both ends included", () => {
  expect(parsed({ url, expect_status: [204, "300-302"] }).expectStatus).toEqual([
    { from: 204, to: 204 },
    { from: 300, to: 302 },
  ]);
});

describe("refuses, naming the field:", () => {
  const table: [name: string, payload: Json, ...paths: string[]][] = [
    ["a payload that is no object", "text", "/payload"],
    ["a list", [url], "/payload"],
    ["a missing url", {}, "/payload/url"],
    ["a url that is no text", { url: 7 }, "/payload/url"],
    ["a relative url", { url: "/orders" }, "/payload/url"],
    ["a file url", { url: "file:///etc/passwd" }, "/payload/url"],
    ["an ftp url", { url: "ftp://example.test/" }, "/payload/url"],
    ["a gopher url", { url: "gopher://127.0.0.1:6379/_INFO" }, "/payload/url"],
    ["a data url", { url: "data:text/plain,x" }, "/payload/url"],
    ["a javascript url", { url: "javascript:alert(1)" }, "/payload/url"],
    ["a password in the url", { url: "https://me:secret@example.test/" }, "/payload/url"],
    ["a user in the url", { url: "https://example.test@evil.test/" }, "/payload/url"],
    ["a port that does not exist", { url: "http://example.test:65536/" }, "/payload/url"],
    ["a url too long", { url: `${url}?${"x".repeat(HTTP_URL_CHARS_MAX)}` }, "/payload/url"],
    ["an unknown method", { url, method: "CONNECT" }, "/payload/method"],
    ["a method that is no text", { url, method: 1 }, "/payload/method"],
    ["a GET with a body", { url, method: "GET", body: 1 }, "/payload/body"],
    ["an unknown field", { url, timeout: 3 }, "/payload/timeout"],
    ["a prototype as a field", JSON.parse(`{"url":"${url}","__proto__":{}}`), "/payload/__proto__"],
    ["headers as a list", { url, headers: [["a", "b"]] }, "/payload/headers"],
    ["a header that is no text", { url, headers: { "X-Count": 1 } }, "/payload/headers/X-Count"],
    ["a line break in a value", { url, headers: { "X-A": "b\r\nX-C: d" } }, "/payload/headers/X-A"],
    ["a lone line feed in a value", { url, headers: { "X-A": "b\nc" } }, "/payload/headers/X-A"],
    ["a NUL in a value", { url, headers: { "X-A": "b\0" } }, "/payload/headers/X-A"],
    ["a value beyond ASCII", { url, headers: { "X-A": "ü" } }, "/payload/headers/X-A"],
    ["a line break in a name", { url, headers: { "X\r\nA": "b" } }, "/payload/headers/X\r\nA"],
    ["a slash in a name, escaped in the path", { url, headers: { "a/b": "c" } }, "/payload/headers/a~1b"],
    ["an empty name", { url, headers: { "": "c" } }, "/payload/headers/"],
    ["a name twice", { url, headers: { "X-A": "1", "x-a": "2" } }, "/payload/headers/x-a"],
    ["an empty expect_status", { url, expect_status: [] }, "/payload/expect_status"],
    ["a single expect_status", { url, expect_status: 200 }, "/payload/expect_status"],
    ["a status below 200", { url, expect_status: [100] }, "/payload/expect_status/0"],
    ["a status that is no integer", { url, expect_status: [200.5] }, "/payload/expect_status/0"],
    ["a range upside down", { url, expect_status: [200, "299-200"] }, "/payload/expect_status/1"],
    ["a range in words", { url, expect_status: ["2xx"] }, "/payload/expect_status/0"],
    ["several at once", { url: "x", method: "y", z: 1 }, "/payload/z", "/payload/url", "/payload/method"],
  ];
  for (const [name, payload, ...expected] of table)
    test(name, () => expect(paths(payload)).toEqual(expected));

  for (const name of [
    "Host",
    "content-length",
    "Transfer-Encoding",
    "Connection",
    "Idempotency-Key",
    "Upgrade",
    "Expect",
    "TE",
    "Trailer",
    "Keep-Alive",
    "Accept-Encoding",
    "Proxy-Authorization",
    "X-Correlation-Id",
  ])
    test(`the header ${name}`, () =>
      expect(paths({ url, headers: { [name]: "x" } })).toEqual([`/payload/headers/${name}`]));

  test("too many headers, and too many bytes of them", () => {
    const many = Object.fromEntries(Array.from({ length: HTTP_HEADERS_MAX + 1 }, (_, n) => [`x-${n}`, "v"]));
    expect(paths({ url, headers: many })).toEqual(["/payload/headers"]);
    expect(paths({ url, headers: { a: "x".repeat(HTTP_HEADERS_BYTES_MAX) } })).toEqual(["/payload/headers"]);
    expect(paths({ url, headers: { a: "x".repeat(HTTP_HEADERS_BYTES_MAX - 1) } })).toEqual([]);
  });
});
