import { afterAll, beforeAll, expect, test } from "bun:test";
import { bytesAt, newBlobs } from "../support/blobs.ts";
import { type FileApi, startFileApi } from "../support/file-api.ts";

/** The same doors before a bucket instead of a folder. */
let api: FileApi;
beforeAll(async () => {
  api = await startFileApi(undefined, await newBlobs("s3"));
}, 60_000);
afterAll(() => api.close());

const CONTENT = new Uint8Array(bytesAt(0, 12_000_000));

test("a file of several parts is stored, comes back as a whole and in ranges, and is deleted", async () => {
  const { status, body } = await api.user.upload({ file: new Blob([CONTENT]), operation: "gzip" });
  expect({ status, size: body.size }).toEqual({ status: 201, size: CONTENT.length });
  const path = `/api/files/${body.file_id}/content`;
  expect(await (await api.user.fetch("GET", path)).bytes()).toEqual(CONTENT);
  const part = await api.user.fetch("GET", path, { headers: { Range: "bytes=5999999-6000009" } });
  expect({ status: part.status, range: part.headers.get("content-range") }).toEqual({
    status: 206,
    range: "bytes 5999999-6000009/12000000",
  });
  expect(await part.bytes()).toEqual(CONTENT.slice(5_999_999, 6_000_010));
  const head = await api.user.fetch("HEAD", path);
  expect(head.headers.get("content-length")).toBe("12000000");
  expect((await api.user.fetch("DELETE", `/api/files/${body.file_id}`)).status).toBe(204);
  expect(await api.keys()).toEqual([]);
}, 60_000);

test("what is refused after it was stored leaves nothing in the bucket", async () => {
  const { status } = await api.user.upload({ file: new Blob([CONTENT]) });
  expect(status).toBe(422);
  expect(await api.keys()).toEqual([]);
}, 60_000);
