import { expect, test } from "bun:test";
import type { OutgoingRequest } from "@millrace/worker/egress/pinned-client";
import { isRedirect, redirectedRequest } from "@millrace/worker/egress/redirect";

function request(method: string, headers: Record<string, string> = {}): OutgoingRequest {
  const body = method === "GET" || method === "HEAD" ? null : "body";
  return {
    method,
    url: new URL("https://api.example.test/a/b?q=1"),
    headers: { "content-type": "text/plain", ...headers },
    body,
  };
}

test("300, 304 and 305 are answers, not redirects", () => {
  expect([300, 301, 302, 303, 304, 305, 306, 307, 308].filter(isRedirect)).toEqual([301, 302, 303, 307, 308]);
});

const METHODS: [status: number, method: string, next: string][] = [
  [301, "POST", "GET"],
  [302, "POST", "GET"],
  [301, "PUT", "PUT"],
  [302, "DELETE", "DELETE"],
  [301, "GET", "GET"],
  [303, "POST", "GET"],
  [303, "PUT", "GET"],
  [303, "DELETE", "GET"],
  [303, "GET", "GET"],
  [303, "HEAD", "HEAD"],
  [307, "POST", "POST"],
  [308, "POST", "POST"],
  [307, "PUT", "PUT"],
  [308, "HEAD", "HEAD"],
];
for (const [status, method, expected] of METHODS)
  test(`${status} turns ${method} into ${expected}, and the body goes with the method`, () => {
    const before = request(method);
    const next = redirectedRequest(before, status, "/c");
    const isKept = expected === method;
    expect(next).toMatchObject({ method: expected, body: isKept ? before.body : null });
    expect(next?.headers["content-type"]).toBe(isKept ? "text/plain" : undefined);
  });

test("locations are relative to the URL that sent them, and lose their fragment", () => {
  expect(redirectedRequest(request("GET"), 302, "c#x")?.url.href).toBe("https://api.example.test/a/c");
  expect(redirectedRequest(request("GET"), 302, "//other.example.test/")?.url.href).toBe(
    "https://other.example.test/",
  );
  expect(redirectedRequest(request("GET"), 302, "http://[")).toBeUndefined();
});

const HEADERS = {
  authorization: "Bearer x",
  cookie: "a=b",
  "x-api-key": "k",
  accept: "*/*",
  "idempotency-key": "t1",
};

test("the same origin sees all headers again", () => {
  expect(redirectedRequest(request("GET", HEADERS), 302, "/c")?.headers).toMatchObject(HEADERS);
});

for (const location of [
  "https://other.example.test/",
  "http://api.example.test/",
  "https://api.example.test:444/",
  "https://sub.api.example.test/",
])
  test(`${location} is another origin: it sees no header that may hold a secret`, () => {
    const { headers } = redirectedRequest(request("PUT", HEADERS), 307, location) ?? { headers: {} };
    expect(headers).toEqual({ "content-type": "text/plain", accept: "*/*", "idempotency-key": "t1" });
  });

test("what was dropped does not come back with a redirect to the first origin", () => {
  const away = redirectedRequest(request("GET", HEADERS), 302, "https://other.example.test/");
  const back = away && redirectedRequest(away, 302, "https://api.example.test/");
  expect(back?.headers.authorization).toBeUndefined();
});
