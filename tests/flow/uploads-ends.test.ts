import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Blobs } from "@millrace/blobs";
import { Fault } from "@millrace/core";
import { bytesAt, contentOf, KINDS, newBlobs, source } from "../support/blobs.ts";
import { openRequest } from "../support/half-open.ts";
import { untilTrue } from "../support/running-stack.ts";
import { BYTES, COUNTED, idOf, problemOf, startTusApi, TUS, type TusApi } from "../support/tus.ts";

/** A storage that fails when it is told to. */
class FailingStorage {
  fault: Fault | undefined;
  readonly blobs: Blobs;

  constructor(real: Blobs) {
    const check = () => {
      if (this.fault !== undefined) throw this.fault;
    };
    const { uploads } = real;
    this.blobs = {
      write: (...given) => real.write(...given),
      read: (...given) => real.read(...given),
      stat: (key) => real.stat(key),
      remove: (key) => real.remove(key),
      list: (options) => real.list(options),
      sweep: (options) => real.sweep(options),
      checkHealth: () => real.checkHealth(),
      uploads: {
        begin: async (key) => {
          check();
          return uploads.begin(key);
        },
        offset: async (key) => uploads.offset(key),
        append: async (...given) => {
          check();
          return uploads.append(...given);
        },
        finish: async (key) => {
          const written = await uploads.finish(key);
          check(); // As when the answer is lost: it was done all the same.
          return written;
        },
        discard: (key) => uploads.discard(key),
      },
    };
  }
}

describe.each([...KINDS])("the end of an upload on %s storage", (kind) => {
  let api: TusApi;
  let storage: FailingStorage;
  let real: Blobs;
  beforeAll(async () => {
    real = await newBlobs(kind);
    storage = new FailingStorage(real);
    api = await startTusApi(storage.blobs);
  }, 60_000);
  afterAll(() => api.stop(), 60_000);

  const tasksOf = async (path: string) => (await api.tasks()).filter(({ task_id }) => task_id === idOf(path));
  const keyOf = (path: string) => `content/${idOf(path)}`;

  test("bytes that are all there, in a process that died before it noted that, make one task at the next HEAD", async () => {
    const path = await api.begin(5);
    await real.uploads.append(keyOf(path), source(5), { offset: 0, bytesMax: 5 });
    const heads = await Promise.all([api.tus("HEAD", path), api.tus("HEAD", path), api.send(path, 5, "")]);
    expect(heads.map(({ status, headers }) => [status, headers.get("Upload-Offset")])).toEqual([
      [200, "5"],
      [200, "5"],
      [204, "5"],
    ]);
    expect(await tasksOf(path)).toHaveLength(1);
  });

  test("a blob whose row was not written makes one task at the next HEAD", async () => {
    const path = await api.begin(5);
    await real.uploads.append(keyOf(path), source(5), { offset: 0, bytesMax: 5 });
    await real.uploads.finish(keyOf(path));
    const head = await api.tus("HEAD", path);
    expect([head.status, head.headers.get("Upload-Offset")]).toEqual([200, "5"]);
    expect(await tasksOf(path)).toHaveLength(1);
    expect(await contentOf(real, keyOf(path))).toEqual(bytesAt(0, 5));
  });

  test("a storage that goes away at the very end is told as such, and the upload ends when it is back", async () => {
    const path = await api.begin(5);
    expect((await api.send(path, 0, "hel")).status).toBe(204);
    storage.fault = new Fault("STORAGE_UNAVAILABLE", "away", { retryAfterS: 5 });
    const away = await api.send(path, 3, "lo");
    expect([away.status, away.headers.get("Retry-After")]).toEqual([503, "5"]);
    expect((await problemOf(away)).code).toBe("STORAGE_UNAVAILABLE");
    storage.fault = undefined;
    expect((await api.tus("HEAD", path)).headers.get("Upload-Offset")).toBe("3");
    expect((await api.send(path, 3, "lo")).status).toBe(204);
    expect(await tasksOf(path)).toHaveLength(1);
  });

  test("a storage without room answers 507, and a creation that met it leaves nothing in the quota", async () => {
    storage.fault = new Fault("STORAGE_FULL", "full");
    const headers = { "Upload-Length": "5", "Upload-Metadata": COUNTED };
    const answer = await api.tus("POST", "/api/uploads", { headers });
    expect([answer.status, (await problemOf(answer)).code]).toEqual([507, "STORAGE_FULL"]);
    storage.fault = undefined;
    const [row] = await api.sql`select state from files order by file_id desc limit 1`;
    expect(row?.state).toBe("expired");
  });

  test("bytes that are gone are said to be, and not counted as an empty file", async () => {
    const path = await api.begin(5);
    await real.uploads.discard(keyOf(path));
    expect((await api.tus("HEAD", path)).status).toBe(410);
    expect(await tasksOf(path)).toHaveLength(0);
  });

  test("a connection that breaks in a chunk keeps what came, and in a creation keeps nothing", async () => {
    const path = await api.begin(100_000);
    const cut = async (line: string, more: Readonly<Record<string, string>>) => {
      const identity = { ...TUS, Authorization: `Bearer ${api.token}` };
      const headers = { ...identity, "Content-Type": BYTES, "Content-Length": "100000", ...more };
      const before = await arrived();
      const request = await openRequest(api.port, { line, headers });
      request.send(bytesAt(0, 60_000));
      await untilTrue(async () => (await arrived()) === before + 60_000, 30_000, "the first bytes");
      request.destroy();
    };
    const arrived = async () => {
      const { text } = await api.call("GET", "/metrics");
      return Number(/^millrace_upload_bytes_total\{[^}]*kind="tus"[^}]*\} (\d+)/m.exec(text)?.[1] ?? 0);
    };
    await cut(`PATCH ${path} HTTP/1.1`, { "Upload-Offset": "0" });
    expect((await api.tus("HEAD", path)).headers.get("Upload-Offset")).toBe("60000");
    await cut("POST /api/uploads HTTP/1.1", { "Upload-Length": "100000", "Upload-Metadata": COUNTED });
    const isGivenUp = async () => {
      const [row] = await api.sql`select state from files order by file_id desc limit 1`;
      return row?.state === "expired";
    };
    await untilTrue(isGivenUp, 30_000, "the end of an upload that nobody knows");
  });
});
