import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { HTTP_RESPONSE_BYTES_MAX } from "@millrace/core/limits";
import httpRequest from "@millrace/worker/tasks/http-request";
import { type FakeExternalApi, startFakeExternalApi } from "../../../support/fake-external-api.ts";
import { HttpRequestRunner, LOOPBACK_ALLOWED } from "../../../support/http-request-runner.ts";
import { taskContext } from "../../../support/task-context.ts";

let api: FakeExternalApi;
const task = new HttpRequestRunner();

beforeAll(async () => {
  api = await startFakeExternalApi();
});
afterAll(() => api.stop());
beforeEach(() => task.nextKey());

describe("what is sent", () => {
  test("a JSON body, under the task's id and the correlation id", async () => {
    const { body } = await task.result({
      url: `${api.url}/orders?a=1`,
      body: { n: 1 },
      headers: { "X-Mine": "yes" },
    });
    expect(body).toMatchObject({ method: "POST", path: "/orders?a=1", body: '{"n":1}' });
    expect(body.headers).toMatchObject({
      "idempotency-key": task.key,
      "x-correlation-id": "correlation-1",
      "user-agent": "millrace",
      "content-type": "application/json",
      "content-length": "7",
      "x-mine": "yes",
    });
  });

  for (const method of ["PUT", "PATCH", "DELETE", "OPTIONS", "POST"])
    test(`${method} with a text body, as it is`, async () => {
      const { body } = await task.result({ url: api.url, method, body: "grüße" });
      expect(body).toMatchObject({ method, body: "grüße" });
    });

  test("HEAD, whose answer has no body", async () => {
    expect(await task.result({ url: `${api.url}/?mode=gzip`, method: "HEAD" })).toMatchObject({
      status: 200,
      body: "",
    });
  });

  test("a User-Agent of the task's own", async () => {
    expect(
      (await task.result({ url: api.url, headers: { "User-Agent": "shop/1" } })).body.headers["user-agent"],
    ).toBe("shop/1");
  });

  test("the same key for each attempt, so that the API can tell a repetition", async () => {
    await task.run({ url: api.url }, { context: { attempt: 1 } });
    await task.run({ url: api.url }, { context: { attempt: 2 } });
    expect(api.calls.get(task.key)).toBe(2);
  });
});

describe("what a success leaves", () => {
  test("status, headers, parsed body, final URL and duration", async () => {
    const value = await task.result({ url: `${api.url}/a`, expect_status: ["200-299"] });
    expect(value).toMatchObject({
      status: 200,
      url: `${api.url}/a`,
      body_truncated: false,
      body: { path: "/a" },
    });
    expect(value.headers["content-type"]).toBe("application/json");
    expect(value.duration_ms).toBeGreaterThanOrEqual(0);
  });

  test("no cookies", async () => {
    const { headers } = await task.result({ url: `${api.url}/?mode=set_cookie` });
    expect(headers).toMatchObject({ "x-kept": "yes" });
    expect(JSON.stringify(headers)).not.toContain("secret");
  });

  test("a body that came gzipped, unpacked", async () => {
    expect((await task.result({ url: `${api.url}/?mode=gzip` })).body).toEqual({ packed: true });
  });

  test("an empty body for a 204", async () => {
    expect(await task.result({ url: `${api.url}/?status=204` })).toMatchObject({ status: 204, body: "" });
  });

  for (const mode of ["huge", "endless", "gzip_bomb"])
    test(`of a body that is ${mode}, its beginning, and that it was cut`, async () => {
      const value = await task.result({ url: `${api.url}/?mode=${mode}&bytes=200000000` });
      expect(value.body_truncated).toBe(true);
      expect(value.body.length).toBe(HTTP_RESPONSE_BYTES_MAX);
    });

  test("a body of exactly the bound, uncut", async () => {
    const value = await task.result({ url: `${api.url}/?mode=huge&bytes=${HTTP_RESPONSE_BYTES_MAX}` });
    expect([value.body_truncated, value.body.length]).toEqual([false, HTTP_RESPONSE_BYTES_MAX]);
    const longer = await task.result({ url: `${api.url}/?mode=huge&bytes=${HTTP_RESPONSE_BYTES_MAX + 1}` });
    expect([longer.body_truncated, longer.body.length]).toEqual([true, HTTP_RESPONSE_BYTES_MAX]);
  });
});

describe("statuses", () => {
  for (const status of [408, 425, 429, 500, 502, 503, 504, 599])
    test(`${status} is worth another attempt`, async () =>
      expect(await task.failure({ url: `${api.url}/?status=${status}` })).toMatchObject({
        error: { code: `HTTP_STATUS_${status}` },
        isRetryable: true,
      }));

  for (const status of [304, 400, 401, 403, 404, 409, 410, 413, 422, 451])
    test(`${status} fails at once`, async () =>
      expect(await task.failure({ url: `${api.url}/?status=${status}` })).toMatchObject({
        error: { code: `HTTP_STATUS_${status}` },
        isRetryable: false,
      }));

  test("Retry-After takes the place of the back-off, where there is another attempt", async () => {
    expect((await task.failure({ url: `${api.url}/?status=429&retry_after=7` })).retryAfterMs).toBe(7_000);
    expect(
      (await task.failure({ url: `${api.url}/?status=503&retry_after=0` })).retryAfterMs,
    ).toBeUndefined();
    expect(
      (await task.failure({ url: `${api.url}/?status=404&retry_after=7` })).retryAfterMs,
    ).toBeUndefined();
    const inAMinute = encodeURIComponent(new Date(Date.now() + 60_000).toUTCString());
    const { retryAfterMs } = await task.failure({ url: `${api.url}/?status=503&retry_after=${inAMinute}` });
    expect(retryAfterMs).toBeGreaterThan(57_000);
    expect(retryAfterMs).toBeLessThanOrEqual(60_000);
  });

  test("expect_status decides alone: an expected 503 is a success, an unexpected 200 a failure", async () => {
    expect(await task.result({ url: `${api.url}/?status=503`, expect_status: [503] })).toMatchObject({
      status: 503,
    });
    expect(await task.failure({ url: api.url, expect_status: ["201-204"] })).toMatchObject({
      error: { code: "HTTP_STATUS_200" },
      isRetryable: false,
    });
  });

  test("the message says what was called and quotes the answer, and shows no query", async () => {
    const { error } = await task.failure({
      url: `${api.url}/orders?status=400&api_key=secret`,
      method: "PUT",
    });
    expect(error.message).toStartWith(`PUT ${api.url}/orders answered 400 Bad Request: {`);
    const quiet = await task.failure({ url: `${api.url}/orders?status=304&api_key=secret` });
    expect(quiet.error.message).not.toContain("secret");
  });
});

test("a payload that makes no sense fails for good, and says where", async () => {
  expect(await task.failure({ url: "nonsense", methd: "GET" })).toMatchObject({
    error: { code: "PAYLOAD_INVALID", message: expect.stringContaining("/payload/url") },
    isRetryable: false,
  });
});

test("calls of many tasks share connections", async () => {
  const own = await startFakeExternalApi();
  const type = httpRequest(LOOPBACK_ALLOWED);
  for (let time = 0; time < 20; time += 1) await type.run(taskContext({ url: own.url, body: time }));
  expect(own.connections()).toBe(1);
  await own.stop();
});
