import { afterAll, beforeAll, expect, test } from "bun:test";
import { UPLOADS_AT_ONCE_PER_USER_MAX } from "@millrace/core/limits";
import { bytesAt, newBlobs } from "../support/blobs.ts";
import { type HalfOpen, openRequest } from "../support/half-open.ts";
import { untilTrue } from "../support/running-stack.ts";
import { BYTES, COUNTED, problemOf, startTusApi, TUS, type TusApi } from "../support/tus.ts";

let api: TusApi;
beforeAll(async () => {
  const fileQuota = { filesMax: 40, bytesMax: 10_000_000, perMinuteMax: 50 };
  api = await startTusApi(await newBlobs("local"), { fileQuota });
}, 60_000);
afterAll(() => api.stop(), 60_000);

test("what is begun counts against the quota by its declared size, and what is given up does not", async () => {
  const path = await api.begin(9_000_000);
  const headers = { "Upload-Length": "1000001", "Upload-Metadata": COUNTED };
  const refused = await api.tus("POST", "/api/uploads", { headers });
  expect([refused.status, (await problemOf(refused)).code]).toEqual([403, "QUOTA_EXCEEDED"]);
  expect(refused.headers.get("Tus-Resumable")).toBe("1.0.0");
  expect((await api.tus("POST", "/api/uploads", { headers, token: api.strangerToken })).status).toBe(201);
  await api.tus("DELETE", path);
  await api.tus("DELETE", await api.begin(1_000_001));
});

test("an upload of unknown size gets what the quota has left, and no byte more", async () => {
  const taken = await api.begin(9_999_990);
  const path = await api.begin(null);
  expect((await api.send(path, 0, "0123456789")).status).toBe(204);
  expect((await api.send(path, 10, "x")).status).toBe(413);
  for (const each of [taken, path]) await api.tus("DELETE", each);
});

test("one user's senders fill that user's share, whose end frees it; clients are told to come again", async () => {
  const paths: string[] = [];
  for (let count = 0; count <= UPLOADS_AT_ONCE_PER_USER_MAX; count += 1) paths.push(await api.begin(100));
  const [last = "", ...others] = paths;
  const senders: HalfOpen[] = [];
  for (const path of others) {
    const identity = { ...TUS, Authorization: `Bearer ${api.token}` };
    const headers = { ...identity, "Content-Type": BYTES, "Upload-Offset": "0", "Content-Length": "100" };
    const sender = await openRequest(api.port, { line: `PATCH ${path} HTTP/1.1`, headers });
    sender.send(bytesAt(0, 50));
    senders.push(sender);
  }
  const isFull = () => api.ports.uploadSlots.taken === UPLOADS_AT_ONCE_PER_USER_MAX;
  await untilTrue(isFull, 30_000, "a full share");
  const refused = await api.send(last, 0, "x");
  expect([refused.status, (await problemOf(refused)).code]).toEqual([503, "OVERLOADED"]);
  expect(Number(refused.headers.get("Retry-After"))).toBeGreaterThan(0);
  expect((await api.tus("HEAD", last)).status).toBe(200);
  for (const sender of senders) sender.destroy();
  await untilTrue(() => api.ports.uploadSlots.taken === 0, 30_000, "an empty share");
  expect((await api.send(last, 0, "x")).status).toBe(204);
}, 60_000);

test("who begins too many uploads in a minute is told when to go on", async () => {
  const headers = { "Upload-Length": "1", "Upload-Metadata": COUNTED };
  let answer = await api.tus("POST", "/api/uploads", { headers });
  for (let count = 0; answer.status === 201 && count < 60; count += 1) {
    await api.tus("DELETE", answer.headers.get("Location") ?? "");
    answer = await api.tus("POST", "/api/uploads", { headers });
  }
  expect([answer.status, (await problemOf(answer)).code]).toEqual([429, "TOO_MANY_REQUESTS"]);
  expect(Number(answer.headers.get("Retry-After"))).toBeGreaterThan(0);
}, 60_000);
