import { afterEach, expect, test } from "bun:test";
import { type RetryRule, S3Requests } from "@millrace/blobs/s3/requests";
import { openS3Blobs } from "@millrace/blobs/s3/s3-blobs";
import { MIB, source } from "../../../support/blobs.ts";

/** A server that answers as a list says, the last answer for ever. It checks no signature: the contract tests do. */
type Answer = (request: Request) => Response | Promise<Response>;

let server: ReturnType<typeof Bun.serve> | undefined;
afterEach(() => server?.stop(true));

const RULE: RetryRule = {
  attemptsMax: 3,
  requestMsMax: 5_000,
  backoff: { initialMs: 0, factor: 1, maxMs: 0, jitter: false },
  random: () => 0,
};

function serve(answers: readonly Answer[]) {
  const seen: string[] = [];
  server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: async (request) => {
      const { pathname, search } = new URL(request.url);
      seen.push(`${request.method} ${pathname}${search}`);
      const answer = answers[Math.min(seen.length, answers.length) - 1] ?? status(500);
      return answer(new Request(request, { body: request.body === null ? null : await request.bytes() }));
    },
  });
  const bucketUrl = `http://127.0.0.1:${server.port}/bucket`;
  const place = {
    bucketUrl,
    prefix: "p/",
    region: "us-east-1",
    accessKeyId: "id",
    secretAccessKey: "secret",
  };
  return { seen, place };
}

const ok: Answer = () => new Response("ok", { headers: { etag: '"e"' } });
const status =
  (code: number): Answer =>
  () =>
    new Response(null, { status: code });
const error =
  (code: number, name: string): Answer =>
  () =>
    new Response(`<?xml version="1.0"?><Error><Code>${name}</Code></Error>`, {
      status: code,
      headers: { "content-type": "application/xml" },
    });

const GET = { method: "GET", name: "x", expects: [200] } as const;

test.each([408, 429, 500, 502, 503, 504])("%d is sent again", async (code) => {
  const { seen, place } = serve([status(code), status(code), ok]);
  const answer = await new S3Requests(place, RULE).send(GET);
  expect(answer).toMatchObject({ status: 200, attempts: 3 });
  expect(seen).toHaveLength(3);
});

test("after the last attempt it is STORAGE_UNAVAILABLE, and says why and when to come back", async () => {
  const { seen, place } = serve([error(503, "SlowDown")]);
  const failure = await new S3Requests(place, RULE).send(GET).catch((thrown: unknown) => thrown);
  expect(failure).toMatchObject({ code: "STORAGE_UNAVAILABLE", retryAfterS: 5 });
  expect(String(failure)).toContain("503 SlowDown");
  expect(seen).toHaveLength(3);
});

test.each([
  [403, "SignatureDoesNotMatch"],
  [404, "NoSuchBucket"],
  [301, "PermanentRedirect"],
  [400, "InvalidPart"],
])("%d %s is told at once", async (code, name) => {
  const { seen, place } = serve([error(code, name)]);
  const failure = await new S3Requests(place, RULE).send(GET).catch((thrown: unknown) => thrown);
  expect(failure).toMatchObject({ code: "STORAGE_UNAVAILABLE" });
  expect(String(failure)).toContain(name);
  expect(seen).toHaveLength(1);
});

test.each([
  [507, "Whatever"],
  [403, "QuotaExceeded"],
  [400, "XMinioStorageFull"],
])("%d %s is STORAGE_FULL", async (code, name) => {
  const { place } = serve([error(code, name)]);
  const failure = await new S3Requests(place, RULE).send(GET).catch((thrown: unknown) => thrown);
  expect(failure).toMatchObject({ code: "STORAGE_FULL", status: 507 });
});

test("nobody listening is STORAGE_UNAVAILABLE", async () => {
  const { place } = serve([ok]);
  server?.stop(true);
  await expect(new S3Requests(place, RULE).send(GET)).rejects.toMatchObject({ code: "STORAGE_UNAVAILABLE" });
});

test("a server that says nothing is given up after the time-out, as often as the rule says", async () => {
  const { seen, place } = serve([() => new Promise(() => undefined)]);
  const requests = new S3Requests(place, { ...RULE, requestMsMax: 50 });
  expect(await requests.send(GET).catch((thrown: unknown) => thrown)).toMatchObject({
    code: "STORAGE_UNAVAILABLE",
  });
  expect(seen).toHaveLength(3);
});

test("the caller's signal ends a request, and the wait between two", async () => {
  const reason = new Error("gone");
  const abort = new AbortController();
  const { place } = serve([
    () => {
      abort.abort(reason);
      return new Promise(() => undefined);
    },
  ]);
  const sending = new S3Requests(place, RULE).send({ ...GET, signal: abort.signal });
  expect(await sending.catch((thrown: unknown) => thrown)).toBe(reason);

  const again = new AbortController();
  const busy = serve([
    () => {
      setImmediate(() => again.abort(reason));
      return new Response(null, { status: 503 });
    },
  ]);
  const backoff = { initialMs: 60_000, factor: 1, maxMs: 60_000, jitter: false };
  const waiting = new S3Requests(busy.place, { ...RULE, backoff }).send({ ...GET, signal: again.signal });
  expect(await waiting.catch((thrown: unknown) => thrown)).toBe(reason);
  expect(busy.seen).toHaveLength(1);
});

test("an error under a status of 200 is no success", async () => {
  const { seen, place } = serve([error(200, "InternalError"), ok]);
  expect((await new S3Requests(place, RULE).send(GET)).attempts).toBe(2);
  expect(seen).toHaveLength(2);
});

test("a server that sends the whole object for a range is not believed", async () => {
  const { place } = serve([ok]);
  const ranged = { ...GET, headers: { range: "bytes=0-1" }, expects: [206] };
  await expect(new S3Requests(place, RULE).send(ranged)).rejects.toMatchObject({
    code: "STORAGE_UNAVAILABLE",
  });
});

test("the answer to a completed upload got lost: the object's mark tells that it is ours", async () => {
  let mark = "";
  const { seen, place } = serve([
    (request) => {
      mark = request.headers.get("x-amz-meta-write") ?? "";
      return new Response("<R><UploadId>u</UploadId></R>");
    },
    ok,
    ok,
    status(500),
    error(404, "NoSuchUpload"),
    () => new Response(null, { headers: { "x-amz-meta-write": mark } }),
  ]);
  const written = await openS3Blobs(place, RULE).write("k", source(5 * MIB + 1), { bytesMax: 6 * MIB });
  expect(written.bytes).toBe(5 * MIB + 1);
  expect(mark).not.toBe("");
  expect(seen.slice(-2)).toEqual(["POST /bucket/p/blobs/k?uploadId=u", "HEAD /bucket/p/blobs/k"]);
});

test("the upload is gone and the object is another's: the write fails, and says so", async () => {
  const { place } = serve([
    () => new Response("<R><UploadId>u</UploadId></R>"),
    ok,
    ok,
    error(404, "NoSuchUpload"),
    () => new Response(null, { headers: { "x-amz-meta-write": "another" } }),
    status(204),
  ]);
  const write = openS3Blobs(place, RULE).write("k", source(5 * MIB + 1), { bytesMax: 6 * MIB });
  expect(String(await write.catch((thrown: unknown) => thrown))).toContain("NoSuchUpload");
});

test("the answer to an append got lost: its own version is no conflict", async () => {
  let saved = "";
  const { place } = serve([
    () => state("one"),
    async (request) => {
      saved = await request.text();
      return new Response(null, { status: 500 });
    },
    status(412),
    () => new Response(saved, { headers: { etag: '"2"' } }),
  ]);
  const { uploads } = openS3Blobs(place, RULE);
  expect(await uploads.append("k", source(10), { bytesMax: 10, offset: 0 })).toEqual({
    kind: "appended",
    offset: 10,
  });
  expect(saved).toContain('"version":1');
});

function state(revision: string): Response {
  const told = { version: 1, mark: "m", revision, parts: [] };
  return new Response(`${JSON.stringify(told)}\n`, { headers: { etag: '"1"' } });
}

test("a health check asks once", async () => {
  const { seen, place } = serve([status(503)]);
  expect(
    await openS3Blobs(place, RULE)
      .checkHealth()
      .catch((thrown: unknown) => thrown),
  ).toMatchObject({
    code: "STORAGE_UNAVAILABLE",
  });
  expect(seen).toHaveLength(1);
});
