import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { HTTP_REDIRECTS_MAX } from "@millrace/core/limits";
import type { TaskPorts } from "@millrace/worker/task-type";
import { type FakeExternalApi, startFakeExternalApi } from "../../../support/fake-external-api.ts";
import { HttpRequestRunner, LOOPBACK_ALLOWED } from "../../../support/http-request-runner.ts";

let api: FakeExternalApi;
const task = new HttpRequestRunner();

beforeAll(async () => {
  api = await startFakeExternalApi();
});
afterAll(() => api.stop());
beforeEach(() => task.nextKey());

describe("networks fail", () => {
  test("a closed port is retryable", async () => {
    const gone = await startFakeExternalApi();
    await gone.stop();
    expect(await task.failure({ url: gone.url })).toMatchObject({
      error: { code: "CONNECT_FAILED" },
      isRetryable: true,
    });
  });

  test("a name that does not exist is retryable: DNS fails too", async () =>
    expect(await task.failure({ url: "http://does-not-exist.invalid/" })).toMatchObject({
      error: { code: "DNS_FAILED" },
      isRetryable: true,
    }));

  const TABLE: [mode: string, code: string, isRetryable: boolean][] = [
    ["cut", "CONNECTION_LOST", true],
    ["cut_body", "CONNECTION_LOST", true],
    ["corrupt_gzip", "RESPONSE_INVALID", true],
    ["unknown_coding", "RESPONSE_INVALID", false],
  ];
  for (const [mode, code, isRetryable] of TABLE)
    test(`${mode} is ${code}`, async () => {
      expect(await task.failure({ url: `${api.url}/?mode=${mode}`, body: 1 })).toMatchObject({
        error: { code },
        isRetryable,
      });
      expect(api.calls.get(task.key)).toBe(1);
    });

  test("a failure status counts, also when its body is lost", async () =>
    expect((await task.failure({ url: `${api.url}/?mode=cut_body&status=404` })).error.code).toBe(
      "HTTP_STATUS_404",
    ));

  for (const mode of ["hang", "hang_body", "drip"])
    test(`an API that does ${mode} is left at once when the attempt is aborted`, async () => {
      const controller = new AbortController();
      const reason = new Error("time-out");
      const ended = task.run({ url: `${api.url}/?mode=${mode}` }, { context: { signal: controller.signal } });
      await api.waitForCall(task.key);
      const abortedMs = performance.now();
      controller.abort(reason);
      await expect(ended).rejects.toBe(reason);
      expect(performance.now() - abortedMs).toBeLessThan(200);
    });

  test("a lookup without end is left at once, too", async () => {
    const controller = new AbortController();
    const lookup = () => new Promise<never>(() => controller.abort(new Error("time-out")));
    const ended = task.run(
      { url: "http://a.invalid/" },
      { ports: { ...LOOPBACK_ALLOWED, lookup }, context: { signal: controller.signal } },
    );
    await expect(ended).rejects.toThrow("time-out");
  });

  test("an attempt that is aborted before it starts calls nobody", async () => {
    const ended = task.run(
      { url: api.url },
      { context: { signal: AbortSignal.abort(new Error("cancelled")) } },
    );
    await expect(ended).rejects.toThrow("cancelled");
    expect(api.calls.has(task.key)).toBe(false);
  });
});

describe("redirects", () => {
  test("are followed up to the bound, and the result names the last URL", async () => {
    const value = await task.result({ url: `${api.url}/r?hops=${HTTP_REDIRECTS_MAX}` });
    expect(value).toMatchObject({ status: 200, url: `${api.url}/r?hops=0` });
    expect(api.calls.get(task.key)).toBe(HTTP_REDIRECTS_MAX + 1);
  });

  test("beyond the bound fail for good", async () =>
    expect(await task.failure({ url: `${api.url}/r?hops=${HTTP_REDIRECTS_MAX + 1}` })).toMatchObject({
      error: { code: "REDIRECT_LIMIT" },
      isRetryable: false,
    }));

  test("are answers where they are expected, and failures without a location", async () => {
    expect(
      (await task.result({ url: `${api.url}/?status=302&location=/x`, expect_status: [302] })).status,
    ).toBe(302);
    expect((await task.failure({ url: `${api.url}/?status=302` })).error.code).toBe("HTTP_STATUS_302");
  });

  for (const location of [
    "http://10.0.0.1/",
    "http://169.254.169.254/latest",
    "http://[::ffff:127.0.0.1]/",
    "http://0/",
    "ftp://1.1.1.1/",
    "file:///etc/passwd",
    "http://me:pw@1.1.1.1/",
  ])
    test(`to ${location} are refused`, async () =>
      expect(
        await task.failure({ url: `${api.url}/?status=302&location=${encodeURIComponent(location)}` }),
      ).toMatchObject({
        error: { code: "TARGET_FORBIDDEN" },
        isRetryable: false,
      }));

  test("to no URL at all are refused", async () =>
    expect(
      (await task.failure({ url: `${api.url}/?status=302&location=${encodeURIComponent("http://[")}` })).error
        .code,
    ).toBe("RESPONSE_INVALID"));

  test("to another origin carry the body with a 307, and no header that may be secret", async () => {
    const other = await startFakeExternalApi();
    const location = encodeURIComponent(`${other.url}/there`);
    await task.run({
      url: `${api.url}/?status=307&location=${location}`,
      body: "b",
      headers: { Authorization: "Bearer x", "X-Api-Key": "k" },
    });
    const [seen] = other.requests;
    expect(seen).toMatchObject({ method: "POST", path: "/there", body: "b", key: task.key });
    expect(JSON.stringify(seen?.headers)).not.toContain("Bearer");
    expect(seen?.headers["x-api-key"]).toBeUndefined();
    await other.stop();
  });
});

describe("forbidden targets", () => {
  const CLOSED: TaskPorts = { egress: { allowLoopback: false, allow: [] }, allowCrash: false };

  test("loopback is refused for good and without a connection, unless it is allowed", async () => {
    const before = api.connections();
    expect(await task.failure({ url: api.url }, CLOSED)).toMatchObject({
      error: { code: "TARGET_FORBIDDEN" },
      isRetryable: false,
    });
    expect(await task.failure({ url: `http://localhost:${api.port}/` }, CLOSED)).toMatchObject({
      error: { code: "TARGET_FORBIDDEN" },
    });
    expect(api.connections()).toBe(before);
    expect(api.calls.has(task.key)).toBe(false);
  });

  /** 127.0.0.2 stands for a public address: it is allowed by itself, and 127.0.0.1 is not. */
  const REBOUND: TaskPorts = { egress: { allowLoopback: false, allow: ["127.0.0.2"] }, allowCrash: false };

  test("a name that changes its address after the check still gets the connection that was checked", async () => {
    const outside = await startFakeExternalApi({ host: "127.0.0.2" });
    const inside = await startFakeExternalApi({ host: "127.0.0.1", port: outside.port });
    const answers = [["127.0.0.2"], ["127.0.0.1"]];
    let lookups = 0;
    const lookup = async () => answers[lookups++] ?? [];
    const value = await task.result(
      { url: `http://rebound.invalid:${outside.port}/` },
      { ...REBOUND, lookup },
    );
    expect(value.body.headers.host).toBe(`rebound.invalid:${outside.port}`);
    expect([lookups, outside.calls.get(task.key), inside.connections()]).toEqual([1, 1, 0]);
    await Promise.all([outside.stop(), inside.stop()]);
  });

  test("a name that changes its address between two hops is refused at the second", async () => {
    const outside = await startFakeExternalApi({ host: "127.0.0.2" });
    const inside = await startFakeExternalApi({ host: "127.0.0.1", port: outside.port });
    let lookups = 0;
    const lookup = async () => (lookups++ === 0 ? ["127.0.0.2"] : ["127.0.0.1"]);
    const failed = await task.failure(
      { url: `http://rebound.invalid:${outside.port}/?hops=1` },
      { ...REBOUND, lookup },
    );
    expect(failed.error.code).toBe("TARGET_FORBIDDEN");
    expect([outside.calls.get(task.key), inside.connections()]).toEqual([1, 0]);
    await Promise.all([outside.stop(), inside.stop()]);
  });

  test("a name with one forbidden address among its addresses gets no connection at all", async () => {
    const outside = await startFakeExternalApi({ host: "127.0.0.2" });
    const lookup = async () => ["127.0.0.2", "127.0.0.1"];
    const failed = await task.failure(
      { url: `http://mixed.invalid:${outside.port}/` },
      { ...REBOUND, lookup },
    );
    expect([failed.error.code, outside.connections()]).toEqual(["TARGET_FORBIDDEN", 0]);
    await outside.stop();
  });
});
