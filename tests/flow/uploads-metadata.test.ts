import { afterAll, beforeAll, expect, test } from "bun:test";
import { newBlobs } from "../support/blobs.ts";
import { idOf, metadata, problemOf, startTusApi, type TusApi } from "../support/tus.ts";

/** What an upload says about its file, and gets back. */
let api: TusApi;
beforeAll(async () => {
  api = await startTusApi(await newBlobs("local"));
}, 60_000);
afterAll(() => api.stop(), 60_000);

test("metadata say what is to be done, or the field that is wrong is named", async () => {
  const begin = async (values: Readonly<Record<string, string>>) => {
    const headers = { "Upload-Length": "5", "Upload-Metadata": metadata(values) };
    const answer = await api.tus("POST", "/api/uploads", { headers });
    const { errors = [] } = answer.status === 201 ? {} : await problemOf(answer);
    return [answer.status, ...errors.map((each) => each.path)];
  };
  expect(await begin({ filename: "a" })).toEqual([422, "/metadata/operation"]);
  expect(await begin({ filename: "a", operation: "explode" })).toEqual([422, "/metadata/operation"]);
  expect(await begin({ operation: "gzip", options: "{" })).toEqual([422, "/metadata/options"]);
  expect(await begin({ operation: "gzip", options: '{"level":12}' })).toEqual([
    422,
    "/metadata/options/level",
  ]);
  expect(await begin({ operation: "gzip", options: '{"level":9}' })).toEqual([201]);
  expect(await begin({ operation: "gzip", name: "b.txt", type: "text/plain", relativePath: "null" })).toEqual(
    [201],
  );
  const broken = { "Upload-Length": "5", "Upload-Metadata": "operation $$$" };
  expect((await api.tus("POST", "/api/uploads", { headers: broken })).status).toBe(400);
  const none = { "Upload-Length": "5" };
  expect((await api.tus("POST", "/api/uploads", { headers: none })).status).toBe(422);
});

test("a file's name is for display: what looks like a path loses it", async () => {
  const path = await api.begin(0, {
    "Upload-Metadata": metadata({ filename: "../../etc/passwd", operation: "gzip" }),
  });
  const task = (await api.tasks()).find((each) => each.task_id === idOf(path));
  expect(task?.payload).toMatchObject({ filename: "passwd" });
});

test("HEAD gives Upload-Metadata back as they came, byte for byte, also when the upload is finished", async () => {
  const given = `operation ${btoa("gzip")},mine,filename ${btoa("../x")},relativePath ${btoa("null")},again `;
  for (const length of [5, 0]) {
    const path = await api.begin(length, { "Upload-Metadata": given });
    const head = await api.tus("HEAD", path);
    expect(head.headers.get("Upload-Metadata")).toBe(given.trimEnd());
  }
});
