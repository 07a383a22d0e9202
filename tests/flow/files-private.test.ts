import { afterAll, beforeAll, expect, test } from "bun:test";
import type { Scope } from "@millrace/core";
import { completeFile, type FileApi, type Person, startFileApi } from "../support/file-api.ts";

/** Each user sees only their own files, whatever they ask; keys do only what they were made for. */
let api: FileApi;
let fileId: string;

beforeAll(async () => {
  api = await startFileApi();
  const { body } = await api.user.upload({ file: "secret", name: "diary.txt", operation: "gzip" });
  fileId = body.file_id;
  const key = `results/${fileId}/1`;
  const { bytes: size, sha256 } = await api.blobs.write(
    key,
    (async function* () {
      yield Buffer.from("secret");
    })(),
    { bytesMax: 9 },
  );
  const result = { key, name: "diary.txt.gz", content_type: "application/gzip", size, sha256 };
  await completeFile(api.sql, fileId, { result, summary: null, duration_ms: 1 });
});
afterAll(() => api.close());

const WAYS: readonly (readonly [method: string, path: string])[] = [
  ["GET", ""],
  ["GET", "/content"],
  ["HEAD", "/content"],
  ["GET", "/result"],
  ["HEAD", "/result"],
  ["GET", "/stream"],
  ["DELETE", ""],
];
const ask = (person: Person, method: string, path: string, id = fileId) =>
  person.fetch(method, `/api/files/${id}${path}`);

test.each(WAYS)("%s …%s of another's file is answered as if there were none", async (method, path) => {
  const foreign = await ask(api.stranger, method, path);
  const absent = await ask(api.stranger, method, path, Bun.randomUUIDv7());
  expect([foreign.status, absent.status]).toEqual([404, 404]);
  const bare = (text: string) => text.replace(/"correlation_id":"[^"]+"/, "");
  expect(bare(await foreign.text())).toBe(bare(await absent.text()));
});

test.each(["..", "x", "%2e%2e%2fetc", "' or 1=1 --", "01a2013b", `${"0".repeat(5_000)}`])(
  "an id that is none (%j) is no file",
  async (id) => {
    expect((await api.user.fetch("GET", `/api/files/${encodeURIComponent(id)}`)).status).toBe(404);
  },
);

test("another's file and its task stand in nobody else's lists", async () => {
  expect((await api.stranger.get("/api/files")).body).toMatchObject({ items: [], next_cursor: null });
  expect((await api.stranger.get("/api/tasks")).body.items).toEqual([]);
  expect((await api.stranger.get(`/api/tasks/${fileId}`)).status).toBe(404);
});

test("an operator sees that a file exists and what became of it, and not its bytes", async () => {
  expect((await ask(api.operator, "GET", "")).status).toBe(200);
  expect((await api.operator.get("/api/files")).body.items).toHaveLength(1);
  for (const path of ["/content", "/result"]) {
    const response = await ask(api.operator, "GET", path);
    expect({ status: response.status, body: await response.json() }).toMatchObject({
      status: 403,
      body: { code: "FORBIDDEN" },
    });
  }
});

test("nobody without identity gets in", async () => {
  for (const [method, path] of WAYS)
    expect((await fetch(`${api.url}/api/files/${fileId}${path}`, { method })).status).toBe(401);
  expect((await fetch(`${api.url}/api/files`, { method: "POST", body: new FormData() })).status).toBe(401);
});

async function withKey(scopes: readonly Scope[]): Promise<(method: string, path: string) => Promise<number>> {
  const response = await api.user.fetch("POST", "/api/auth/keys", {
    body: JSON.stringify({ name: scopes.join(" "), scopes }),
    headers: { "Content-Type": "application/json" },
  });
  const made = (await response.json()) as { readonly api_key: string };
  return async (method, path) =>
    (await fetch(`${api.url}/api/files${path}`, { method, headers: { "X-API-Key": made.api_key } })).status;
}

test("a key to read files does not change them, a key to write does not read, another key does neither", async () => {
  const [reader, writer, other] = [
    await withKey(["files:read"]),
    await withKey(["files:write"]),
    await withKey(["tasks:read"]),
  ];
  expect(await reader("GET", `/${fileId}/content`)).toBe(200);
  expect(await reader("DELETE", `/${fileId}`)).toBe(403);
  expect(await reader("POST", "")).toBe(403);
  expect(await writer("GET", `/${fileId}/content`)).toBe(403);
  expect(await writer("POST", "")).toBe(415);
  for (const [method, path] of WAYS) expect(await other(method, `/${fileId}${path}`)).toBe(403);
});
