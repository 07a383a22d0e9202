import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import type { Blobs } from "@millrace/blobs";
import { bytesAt, contentOf, KINDS, newBlobs } from "../support/blobs.ts";
import { BYTES, COUNTED, idOf, problemOf, startTusApi, type TusApi } from "../support/tus.ts";

/** tus 1.0.0 as it is written, by requests that no client library smooths. */
describe.each([...KINDS])("resumable uploads on %s storage", (kind) => {
  let api: TusApi;
  let blobs: Blobs;
  beforeAll(async () => {
    blobs = await newBlobs(kind);
    api = await startTusApi(blobs);
  }, 60_000);
  afterAll(() => api.stop(), 60_000);

  const taskOf = async (path: string) => (await api.tasks()).filter((task) => task.task_id === idOf(path));
  const content = (path: string) => contentOf(blobs, `content/${idOf(path)}`);
  const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

  test("an upload in two chunks ends as one file with one task, and HEAD says where it stands", async () => {
    const bytes = bytesAt(0, 300_000);
    const path = await api.begin(bytes.length);
    expect(path).toMatch(/^\/api\/uploads\/[0-9a-f-]{36}$/);
    const first = await api.send(path, 0, bytes.slice(0, 100_000));
    expect([first.status, first.headers.get("Upload-Offset")]).toEqual([204, "100000"]);
    expect(first.headers.get("Tus-Resumable")).toBe("1.0.0");
    expect(Date.parse(first.headers.get("Upload-Expires") ?? "")).toBeGreaterThan(Date.now());
    const head = await api.tus("HEAD", path);
    expect(head.status).toBe(200);
    expect(head.headers.get("Upload-Offset")).toBe("100000");
    expect(head.headers.get("Upload-Length")).toBe("300000");
    expect(head.headers.get("Upload-Metadata")).toBe(COUNTED);
    expect(head.headers.get("Cache-Control")).toBe("no-store");
    const last = await api.send(path, 100_000, bytes.slice(100_000));
    expect([last.status, last.headers.get("Upload-Offset")]).toEqual([204, "300000"]);
    expect(last.headers.get("Upload-Expires")).toBeNull();
    const [task, ...others] = await taskOf(path);
    expect(others).toEqual([]);
    expect(task?.payload).toMatchObject({ operation: "text-stats", size: 300_000, sha256: sha256(bytes) });
    expect(await content(path)).toEqual(bytes);
  });

  test("a finished upload still answers its offset, and a repeated last chunk changes nothing", async () => {
    const path = await api.begin(5);
    await api.send(path, 0, "hello");
    const head = await api.tus("HEAD", path);
    expect([head.status, head.headers.get("Upload-Offset")]).toEqual([200, "5"]);
    expect((await api.send(path, 0, "hello")).status).toBe(409);
    const empty = await api.send(path, 5, "");
    expect([empty.status, empty.headers.get("Upload-Offset")]).toEqual([204, "5"]);
    expect((await taskOf(path)).length).toBe(1);
  });

  test("an upload of no bytes is finished by its creation", async () => {
    const path = await api.begin(0);
    const head = await api.tus("HEAD", path);
    expect([head.headers.get("Upload-Offset"), head.headers.get("Upload-Length")]).toEqual(["0", "0"]);
    expect(await content(path)).toEqual(new Uint8Array());
    expect((await taskOf(path)).length).toBe(1);
  });

  test("creation brings the first bytes, or all of them", async () => {
    const create = (length: number, body: string) =>
      api.tus("POST", "/api/uploads", {
        headers: { "Upload-Length": String(length), "Upload-Metadata": COUNTED, "Content-Type": BYTES },
        body,
      });
    const part = await create(10, "hello");
    expect([part.status, part.headers.get("Upload-Offset")]).toEqual([201, "5"]);
    const whole = await create(5, "hello");
    expect([whole.status, whole.headers.get("Upload-Offset")]).toEqual([201, "5"]);
    expect((await taskOf(whole.headers.get("Location") ?? "")).length).toBe(1);
  });

  test("the length may be said later, with the last chunk or before", async () => {
    const path = await api.begin(null);
    await api.send(path, 0, "hello");
    const head = await api.tus("HEAD", path);
    expect(head.headers.get("Upload-Defer-Length")).toBe("1");
    expect(head.headers.get("Upload-Length")).toBeNull();
    const last = await api.send(path, 5, " world", { "Upload-Length": "11" });
    expect([last.status, last.headers.get("Upload-Offset")]).toEqual([204, "11"]);
    expect((await api.send(path, 11, "", { "Upload-Length": "12" })).status).toBe(400);
    expect((await taskOf(path)).length).toBe(1);
    const told = await api.begin(null);
    await api.send(told, 0, "hello");
    expect((await api.send(told, 5, "", { "Upload-Length": "4" })).status).toBe(400);
    expect((await api.send(told, 5, "", { "Upload-Length": "104857601" })).status).toBe(413);
    const ended = await api.send(told, 5, "", { "Upload-Length": "5" });
    expect([ended.status, ended.headers.get("Upload-Offset")]).toEqual([204, "5"]);
    expect((await taskOf(told)).length).toBe(1);
  });

  test("a chunk with a checksum is kept when it fits, and not at all when it does not", async () => {
    const path = await api.begin(10);
    const digest = (algorithm: string, text: string) =>
      `${algorithm} ${createHash(algorithm).update(text).digest("base64")}`;
    const wrong = await api.send(path, 0, "hellO", { "Upload-Checksum": digest("sha1", "hello") });
    expect([wrong.status, (await problemOf(wrong)).code]).toEqual([460, "CHECKSUM_MISMATCH"]);
    expect(wrong.headers.get("Tus-Resumable")).toBe("1.0.0");
    expect((await api.tus("HEAD", path)).headers.get("Upload-Offset")).toBe("0");
    const right = await api.send(path, 0, "hello", { "Upload-Checksum": digest("sha1", "hello") });
    expect([right.status, right.headers.get("Upload-Offset")]).toEqual([204, "5"]);
    const unknown = await api.send(path, 5, "world", { "Upload-Checksum": "crc9 abcd" });
    expect(unknown.status).toBe(400);
    const last = await api.send(path, 5, "world", { "Upload-Checksum": digest("sha256", "world") });
    expect([last.status, last.headers.get("Upload-Offset")]).toEqual([204, "10"]);
    expect(new TextDecoder().decode(await content(path))).toBe("helloworld");
    const left = await blobs.list({ prefix: `uploads/${idOf(path)}` });
    expect(left.items).toEqual([]);
  });

  test("what comes from elsewhere than the offset is a conflict and changes nothing", async () => {
    const path = await api.begin(10);
    await api.send(path, 0, "hello");
    for (const offset of [0, 4, 6]) {
      const answer = await api.send(path, offset, "world");
      expect([answer.status, (await problemOf(answer)).code]).toEqual([409, "UPLOAD_OFFSET_CONFLICT"]);
    }
    expect((await api.tus("HEAD", path)).headers.get("Upload-Offset")).toBe("5");
  });

  test("more bytes than were declared are refused, declared or not", async () => {
    const path = await api.begin(10);
    expect((await api.send(path, 0, "hello world")).status).toBe(413);
    expect((await api.tus("HEAD", path)).headers.get("Upload-Offset")).toBe("0");
    const streamed = new ReadableStream({
      start: (controller) => {
        controller.enqueue(new TextEncoder().encode("hello world"));
        controller.close();
      },
    });
    expect((await api.send(path, 0, streamed)).status).toBe(413);
    expect((await taskOf(path)).length).toBe(0);
  });

  test("a file that is too large is refused before a byte of it", async () => {
    for (const length of ["104857601", "99999999999999999999"]) {
      const headers = { "Upload-Length": length, "Upload-Metadata": COUNTED };
      const answer = await api.tus("POST", "/api/uploads", { headers });
      expect([answer.status, (await problemOf(answer)).code]).toEqual([413, "BODY_TOO_LARGE"]);
    }
  });

  test("a deleted upload is gone, finished or not", async () => {
    for (const length of [10, 5]) {
      const path = await api.begin(length);
      await api.send(path, 0, "hello");
      const deleted = await api.tus("DELETE", path);
      expect([deleted.status, deleted.headers.get("Tus-Resumable")]).toEqual([204, "1.0.0"]);
      expect((await api.tus("HEAD", path)).status).toBe(404);
      expect((await api.send(path, 5, "world")).status).toBe(404);
      expect((await api.tus("DELETE", path)).status).toBe(404);
      expect(await content(path)).toBeUndefined();
      expect(await blobs.uploads.offset(`content/${idOf(path)}`)).toBeUndefined();
    }
  });
});

describe("the protocol", () => {
  let api: TusApi;
  beforeAll(async () => {
    api = await startTusApi(await newBlobs("local"));
  }, 60_000);
  afterAll(() => api.stop(), 60_000);

  test("OPTIONS says what the server can do, to anybody", async () => {
    for (const path of ["/api/uploads", "/api/uploads/0199-x"]) {
      const answer = await fetch(new URL(path, api.url), { method: "OPTIONS" });
      expect(answer.status).toBe(204);
      expect(answer.headers.get("Tus-Version")).toBe("1.0.0");
      expect(answer.headers.get("Tus-Max-Size")).toBe("104857600");
      expect(answer.headers.get("Tus-Extension")).toBe(
        "creation,creation-with-upload,creation-defer-length,expiration,termination,checksum",
      );
      expect(answer.headers.get("Tus-Checksum-Algorithm")).toBe("sha1,sha256,sha512,md5");
    }
  });

  test("another version, or none, is refused with the version that is spoken", async () => {
    const path = await api.begin(5);
    for (const headers of [{ "Tus-Resumable": "0.2.2" }, { "Tus-Resumable": "" }]) {
      const answer = await api.tus("HEAD", path, { headers });
      expect([answer.status, answer.headers.get("Tus-Version")]).toEqual([412, "1.0.0"]);
      expect(answer.headers.get("Tus-Resumable")).toBe("1.0.0");
    }
    const answer = await api.tus("PATCH", path, {
      headers: { "Tus-Resumable": "2.0.0", "Content-Type": BYTES, "Upload-Offset": "0" },
      body: "hello",
    });
    expect([answer.status, (await problemOf(answer)).code]).toEqual([412, "TUS_VERSION_UNSUPPORTED"]);
    expect((await api.tus("HEAD", path)).headers.get("Upload-Offset")).toBe("0");
  });

  test("a chunk of another content type is refused, and nothing of it kept", async () => {
    const path = await api.begin(5);
    for (const type of ["application/octet-stream", "text/plain", "application/offset+octet-stream-x"])
      expect((await api.send(path, 0, "hello", { "Content-Type": type })).status).toBe(415);
    expect((await api.send(path, 0, "hello", { "Content-Type": `${BYTES}; x=y` })).status).toBe(204);
  });

  test("offsets and lengths that are no numbers, or missing, are refused", async () => {
    const path = await api.begin(5);
    for (const offset of ["", "-1", "1.5", "0x1", "one", "00"])
      expect((await api.send(path, 0, "hello", { "Upload-Offset": offset })).status).toBe(400);
    const missing = await api.tus("PATCH", path, { headers: { "Content-Type": BYTES }, body: "hello" });
    expect(missing.status).toBe(400);
    for (const length of ["-1", "x", "1e3", ""]) {
      const headers = { "Upload-Metadata": COUNTED, "Upload-Length": length };
      expect((await api.tus("POST", "/api/uploads", { headers })).status).toBe(400);
    }
    const without = await api.tus("POST", "/api/uploads", { headers: { "Upload-Metadata": COUNTED } });
    expect(without.status).toBe(400);
    const both = { "Upload-Metadata": COUNTED, "Upload-Length": "5", "Upload-Defer-Length": "1" };
    expect((await api.tus("POST", "/api/uploads", { headers: both })).status).toBe(400);
    const deferred = { "Upload-Metadata": COUNTED, "Upload-Defer-Length": "2" };
    expect((await api.tus("POST", "/api/uploads", { headers: deferred })).status).toBe(400);
  });

  test("the method that a header names counts, not the one that was sent", async () => {
    const path = await api.begin(5);
    const patched = await api.tus("POST", path, {
      headers: { "X-HTTP-Method-Override": "PATCH", "Content-Type": BYTES, "Upload-Offset": "0" },
      body: "hel",
    });
    expect([patched.status, patched.headers.get("Upload-Offset")]).toEqual([204, "3"]);
    expect((await api.tus("POST", path, { headers: { "X-HTTP-Method-Override": "DELETE" } })).status).toBe(
      204,
    );
    const plain = await api.tus("POST", path);
    expect([plain.status, plain.headers.get("Allow")]).toEqual([405, "DELETE, HEAD, OPTIONS, PATCH"]);
  });

  test("headers of proxies are no matter of the protocol, and Location is right behind any of them", async () => {
    const headers = {
      "Upload-Length": "5",
      "Upload-Metadata": COUNTED,
      "X-Forwarded-Proto": "https, http",
      "X-Forwarded-Host": "elsewhere.example",
      Origin: "https://elsewhere.example",
    };
    const answer = await api.tus("POST", "/api/uploads", { headers });
    expect(answer.status).toBe(201);
    expect(answer.headers.get("Location")).toStartWith("/api/uploads/");
    expect(answer.headers.get("Access-Control-Allow-Origin")).toBeNull();
  });

  test("concatenation is not offered, and refused", async () => {
    const headers = { "Upload-Length": "5", "Upload-Metadata": COUNTED, "Upload-Concat": "partial" };
    expect((await api.tus("POST", "/api/uploads", { headers })).status).toBe(400);
  });

  test("every refusal is a problem, with the protocol's header and the correlation id", async () => {
    const answer = await api.tus("HEAD", "/api/uploads/nothing", { headers: { "X-Correlation-Id": "c-1" } });
    expect([answer.status, answer.headers.get("X-Correlation-Id")]).toEqual([404, "c-1"]);
    const patch = await api.send("/api/uploads/01999999-0000-7000-8000-000000000000", 0, "hello");
    expect(patch.headers.get("Content-Type")).toBe("application/problem+json");
    expect([patch.status, (await problemOf(patch)).code]).toEqual([404, "NOT_FOUND"]);
    const anonymous = await api.tus("POST", "/api/uploads", { token: null });
    expect([anonymous.status, anonymous.headers.get("Tus-Resumable")]).toEqual([401, "1.0.0"]);
    const get = await api.tus("GET", "/api/uploads/nothing");
    expect([get.status, get.headers.get("Tus-Resumable")]).toEqual([405, "1.0.0"]);
  });
});
