import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createApp } from "@millrace/api/app";
import { serve } from "@millrace/api/serve";
import { createMetrics } from "@millrace/observe";
import { claimAttempts, findTask, settleAttempts } from "@millrace/store";
import { bytesAt } from "../support/blobs.ts";
import { completeFile, type FileApi, startFileApi } from "../support/file-api.ts";

/** Somebody fetches what was uploaded, and what was made of it. */
let api: FileApi;
const CONTENT = new Uint8Array(bytesAt(0, 1_000_000));
const SHA256 = new Bun.CryptoHasher("sha256").update(CONTENT).digest("hex");
let fileId: string;

beforeAll(async () => {
  api = await startFileApi();
  fileId = await upload("numbers.bin");
});
afterAll(() => api.close());

async function upload(name: string, type = "application/x-thing"): Promise<string> {
  const file = new Blob([new Uint8Array(CONTENT)], { type });
  const { status, body } = await api.user.upload({ file, name, operation: "gzip" });
  if (status !== 201) throw new Error(JSON.stringify(body));
  return body.file_id;
}

const content = (headers: Record<string, string> = {}, method = "GET") =>
  api.user.fetch(method, `/api/files/${fileId}/content`, { headers });

test("the whole of it comes back, with its length and its sha256 as a strong ETag", async () => {
  const response = await content();
  expect(response.status).toBe(200);
  expect(response.headers.get("etag")).toBe(`"${SHA256}"`);
  expect(response.headers.get("content-length")).toBe("1000000");
  expect(response.headers.get("accept-ranges")).toBe("bytes");
  expect(await response.bytes()).toEqual(CONTENT);
});

test.each([
  ["bytes=0-0", 0, 0],
  ["bytes=499999-700000", 499_999, 700_000],
  ["bytes=999990-", 999_990, 999_999],
  ["bytes=-10", 999_990, 999_999],
  ["bytes=5-99999999", 5, 999_999],
])("the range %s comes as a part, and says where it stands", async (range, start, end) => {
  const response = await content({ Range: range, "If-Range": `"${SHA256}"` });
  expect(response.status).toBe(206);
  expect(response.headers.get("content-range")).toBe(`bytes ${start}-${end}/1000000`);
  expect(response.headers.get("content-length")).toBe(String(end - start + 1));
  expect(await response.bytes()).toEqual(CONTENT.slice(start, end + 1));
});

test("a range beyond the end is refused, and the answer says how much there is", async () => {
  const response = await content({ Range: "bytes=1000000-" });
  expect(response.status).toBe(416);
  expect(response.headers.get("content-range")).toBe("bytes */1000000");
  expect(await response.json()).toMatchObject({ code: "RANGE_NOT_SATISFIABLE" });
});

test("a part of another version is not mixed with this one: all of it comes", async () => {
  const response = await content({ Range: "bytes=5-9", "If-Range": '"another"' });
  expect({ status: response.status, bytes: (await response.bytes()).length }).toEqual({
    status: 200,
    bytes: 1_000_000,
  });
});

test("who has it already is told so, and sent nothing", async () => {
  const response = await content({ "If-None-Match": `W/"other", "${SHA256}"` });
  expect(response.status).toBe(304);
  expect(response.headers.get("etag")).toBe(`"${SHA256}"`);
  expect((await response.bytes()).length).toBe(0);
});

test("HEAD says the same as GET, without the bytes", async () => {
  const whole = await content({}, "HEAD");
  expect({ status: whole.status, length: whole.headers.get("content-length") }).toEqual({
    status: 200,
    length: "1000000",
  });
  const part = await content({ Range: "bytes=1-2" }, "HEAD");
  expect({ status: part.status, length: part.headers.get("content-length") }).toEqual({
    status: 206,
    length: "2",
  });
  expect((await content({ Range: "bytes=1000000-" }, "HEAD")).status).toBe(416);
});

test.each([
  ["page.html", "text/html", "application/octet-stream"],
  ["drawing.svg", "image/svg+xml", "application/octet-stream"],
  ["script.js", "text/javascript", "application/octet-stream"],
  ["table.csv", "text/csv", "text/csv;charset=utf-8"],
  ["picture.png", "image/png", "image/png"],
])("a browser neither shows nor runs what it is given: %s, said to be %s", async (name, said, sent) => {
  const id = await upload(name, said);
  const { headers } = await api.user.fetch("GET", `/api/files/${id}/content`);
  expect(headers.get("content-type")?.replaceAll(" ", "")).toBe(sent);
  expect(headers.get("content-disposition")).toStartWith(`attachment; filename="${name}"`);
  expect(headers.get("x-content-type-options")).toBe("nosniff");
  expect(headers.get("content-security-policy")).toContain("sandbox");
  expect(headers.get("cache-control")).toBe("private, no-cache");
});

describe("a result", () => {
  const result = (id: string, headers: Record<string, string> = {}) =>
    api.user.fetch("GET", `/api/files/${id}/result`, { headers });

  test("is not there before the file was processed, and the answer says how far that is", async () => {
    const response = await result(fileId);
    expect({ status: response.status, body: await response.json() }).toMatchObject({
      status: 409,
      body: { code: "FILE_NOT_READY", file_status: "queued" },
    });
  });

  test("is sent with ranges, its own ETag, name and type once it is there", async () => {
    const id = await upload("words.txt");
    const key = `results/${id}/1`;
    const stored = await api.blobs.write(
      key,
      (async function* () {
        yield Buffer.from("RESULT");
      })(),
      { bytesMax: 10 },
    );
    await completeFile(api.sql, id, {
      result: { key, name: "words.txt.gz", content_type: "application/gzip", size: 6, sha256: stored.sha256 },
      summary: { ratio: 0.5 },
      duration_ms: 3,
    });
    const { body } = await api.user.get(`/api/files/${id}`);
    expect(body).toMatchObject({
      ...{ status: "completed", progress: 1, attempts: 1, summary: { ratio: 0.5 } },
      result: { name: "words.txt.gz", size: 6, url: `/api/files/${id}/result` },
    });
    const part = await result(id, { Range: "bytes=-2" });
    expect({ status: part.status, text: await part.text(), type: part.headers.get("content-type") }).toEqual({
      ...{ status: 206, text: "LT", type: "application/gzip" },
    });
    expect(part.headers.get("etag")).toBe(`"${stored.sha256}"`);
    expect(part.headers.get("content-disposition")).toContain('filename="words.txt.gz"');
    const { items } = (await api.user.get("/api/files?status=completed")).body;
    expect(items.map((file: { file_id: string }) => file.file_id)).toEqual([id]);
  });

  test("that names another file's bytes leads to nothing", async () => {
    const id = await upload("words.txt");
    await completeFile(api.sql, id, {
      result: {
        key: `content/${fileId}`,
        name: "x",
        content_type: "text/plain",
        size: 1_000_000,
        sha256: SHA256,
      },
      summary: null,
      duration_ms: 3,
    });
    expect((await result(id)).status).toBe(404);
    expect((await api.user.get(`/api/files/${id}`)).body.result).toBeNull();
  });

  test("of a file that could not be processed never comes, and the answer says why", async () => {
    const id = await upload("words.txt");
    const task = await findTask(api.sql, id);
    if (task === null) throw new Error("no task");
    await claimAttempts(api.sql, "w~1", [{ seq: task.seq, attempt: 1 }]);
    const [code, message] = ["BAD_FILE", "it is no text"];
    await settleAttempts(api.sql, "w~1", [
      { seq: task.seq, attempt: 1, kind: "dead", error_code: code, error_message: message },
    ]);
    const response = await result(id);
    expect({ status: response.status, body: await response.json() }).toMatchObject({
      status: 409,
      body: { code: "FILE_NOT_READY", file_status: "failed", detail: expect.stringContaining(message) },
    });
    expect((await api.user.get(`/api/files/${id}`)).body).toMatchObject({
      status: "failed",
      error: { code, message },
    });
  });
});

test("bytes that are gone from the storage are said to be gone, not sent as nothing", async () => {
  const id = await upload("words.txt");
  await api.blobs.remove(`content/${id}`);
  expect((await api.user.fetch("GET", `/api/files/${id}/content`)).status).toBe(404);
});

test("bytes that are deleted between the look and the answer are said to be gone, too", async () => {
  const id = await upload("words.txt");
  const blobs = Object.assign(Object.create(api.blobs), {
    stat: (key: string) => api.blobs.stat(key),
    localPath: async (key: string) => {
      const path = await api.blobs.localPath?.(key);
      await api.blobs.remove(key);
      return path;
    },
  });
  const app = createApp({ ...api.ports, metrics: createMetrics({ service: "api" }), blobs });
  const listening = serve(app, { host: "127.0.0.1", port: 0 });
  const response = await fetch(`${listening.url}/api/files/${id}/content`, {
    headers: { Authorization: `Bearer ${api.user.token}` },
  });
  expect({ status: response.status, body: await response.json() }).toMatchObject({
    status: 404,
    body: { code: "NOT_FOUND", detail: "the bytes of this file are gone" },
  });
  await listening.stop();
});

test("deleting removes the file, its bytes, its result and its unfinished task; again there is nothing", async () => {
  const id = await upload("words.txt");
  await api.blobs.write(
    `results/${id}/1`,
    (async function* () {
      yield Buffer.from("x");
    })(),
    { bytesMax: 1 },
  );
  expect((await api.user.fetch("DELETE", `/api/files/${id}`)).status).toBe(204);
  expect((await api.user.fetch("DELETE", `/api/files/${id}`)).status).toBe(404);
  expect((await api.user.get(`/api/files/${id}`)).status).toBe(404);
  expect((await api.keys()).filter((key) => key.includes(id))).toEqual([]);
  expect((await api.user.get(`/api/tasks/${id}`)).body).toMatchObject({ status: "cancelled" });
  expect(api.bus.told).toContainEqual(expect.objectContaining({ task_id: id, phase: "cancelled" }));
});
