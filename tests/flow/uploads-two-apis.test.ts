import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import type { Blobs } from "@millrace/blobs";
import { openLocalBlobs } from "@millrace/blobs/local/local-blobs";
import { contentKey } from "@millrace/protocol/file-operations/index";
import { openPool, type Sql } from "@millrace/store";
import { callWith, signUp } from "../support/api.ts";
import { type ApiProcess, type ApiSite, startApiProcess, startApiSite } from "../support/api-process.ts";
import { bytesAt, MIB } from "../support/blobs.ts";
import { openRequest } from "../support/half-open.ts";
import { untilTrue } from "../support/running-stack.ts";
import { BYTES, idOf, TUS, type TusCaller, tusCaller, uploadWithClient } from "../support/tus.ts";

/** A dead sender is given up after two seconds; the rest is a slow machine's. */
const GIVEN_UP_MS = 15_000;

let site: ApiSite;
let sql: Sql;
let storage: Blobs;
let one: ApiProcess;
let other: ApiProcess;
let atOne: TusCaller;
let atOther: TusCaller;
beforeAll(async () => {
  site = await startApiSite();
  sql = openPool({ url: site.databaseUrl, max: 1, applicationName: "test" });
  storage = await openLocalBlobs((site.env.STORAGE_URL ?? "").slice("file:".length));
  [one, other] = await Promise.all([startApiProcess(site), startApiProcess(site)]);
  const { accessToken } = await signUp(
    callWith((request) => fetch(request), one.url),
    "user@example.org",
  );
  atOne = tusCaller(one.url, accessToken);
  atOther = tusCaller(other.url, accessToken);
}, 90_000);
afterAll(async () => {
  await sql.end();
  await Promise.all([one.stop(), other.stop()]);
  await site.stop();
}, 60_000);
beforeEach(async () => {
  for (const api of [one, other]) if (!(await isUp(api))) await api.restart();
});

async function isUp(api: ApiProcess): Promise<boolean> {
  return (await fetch(`${api.url}/health/live`).catch(() => undefined))?.status === 200;
}

const sha256 = (bytes: Uint8Array) => new Bun.CryptoHasher("sha256").update(bytes).digest("hex");

async function expectWhole(path: string, bytes: Uint8Array): Promise<void> {
  const tasks = await sql<{ payload: unknown }[]>`select payload from tasks where task_id = ${idOf(path)}`;
  expect(tasks).toMatchObject([{ payload: { size: bytes.length, sha256: sha256(bytes) } }]);
}

/** A PATCH that has sent `bytes` and now is silent. */
async function sendAndFallSilent(api: ApiProcess, path: string, length: number, bytes: Uint8Array) {
  const metricsUrl = `${api.url}/metrics`;
  const before = await uploadedBytes(metricsUrl);
  const request = await openRequest(api.port, {
    line: `PATCH ${path} HTTP/1.1`,
    headers: {
      ...TUS,
      Authorization: `Bearer ${atOne.token}`,
      "Content-Type": BYTES,
      "Upload-Offset": "0",
      "Content-Length": String(length),
    },
  });
  request.send(bytes);
  const isThere = async () => (await uploadedBytes(metricsUrl)) - before >= bytes.length;
  await untilTrue(isThere, 30_000, "the first bytes");
  return request;
}

async function uploadedBytes(metricsUrl: string): Promise<number> {
  const text = await (await fetch(metricsUrl)).text();
  return Number(/^millrace_upload_bytes_total\{[^}]*kind="tus"[^}]*\} (\d+)/m.exec(text)?.[1] ?? 0);
}

test("chunks of one upload go through two api processes in turn, and make one file and one task", async () => {
  const turns = startTurns([one.url, other.url]);
  const before = [await uploadedBytes(`${one.url}/metrics`), await uploadedBytes(`${other.url}/metrics`)];
  const file = Buffer.from(bytesAt(0, 20 * MIB, 7));
  const upload = uploadWithClient(file, {
    endpoint: `${turns.url.origin}/api/uploads`,
    chunkSize: 2 * MIB,
    headers: { Authorization: `Bearer ${atOne.token}` },
  });
  await upload.done;
  await expectWhole(upload.url() ?? "", file);
  const after = [await uploadedBytes(`${one.url}/metrics`), await uploadedBytes(`${other.url}/metrics`)];
  for (const [index, bytes] of after.entries()) expect(bytes).toBeGreaterThan(before[index] ?? 0);
  await turns.stop(true);
}, 60_000);

/** A load balancer: each request goes to the next api. */
function startTurns(urls: readonly string[]) {
  let turn = 0;
  return Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: async (request) => {
      const { pathname } = new URL(request.url);
      const url = `${urls[turn % urls.length]}${pathname}`;
      turn += 1;
      const { method, headers } = request;
      return fetch(url, { method, headers, body: await request.bytes() });
    },
  });
}

for (const where of ["the same process", "another process"]) {
  test(`a sender that fell silent without a word gives way within seconds, asked by ${where}`, async () => {
    const bytes = bytesAt(0, 200_000, 3);
    const path = await atOne.begin(bytes.length);
    const silent = await sendAndFallSilent(one, path, bytes.length, bytes.subarray(0, 120_000));
    const asker = where === "another process" ? atOther : atOne;
    const startedMs = performance.now();
    const head = await asker.tus("HEAD", path);
    expect(performance.now() - startedMs).toBeLessThan(GIVEN_UP_MS);
    expect([head.status, head.headers.get("Upload-Offset")]).toEqual([200, "120000"]);
    const rest = await asker.send(path, 120_000, bytes.slice(120_000));
    expect(rest.status).toBe(204);
    // Had it come back, it would have been told how far it was then.
    expect(await silent.status).toBe(204);
    expect(silent.received).toMatch(/upload-offset: 120000/i);
    silent.destroy();
    await expectWhole(path, bytes);
  }, 60_000);
}

test("a sender that goes on is waited for, not cut off", async () => {
  const bytes = bytesAt(0, 300_000, 4);
  const path = await atOne.begin(bytes.length);
  const slow = await sendAndFallSilent(one, path, bytes.length, bytes.subarray(0, 100_000));
  const head = atOther.tus("HEAD", path);
  for (let sent = 100_000; sent < bytes.length; sent += 20_000) {
    await Bun.sleep(150); // A slow line; shorter than what counts as silence.
    slow.send(bytes.subarray(sent, sent + 20_000));
  }
  expect(await slow.status).toBe(204);
  expect((await head).headers.get("Upload-Offset")).toBe("300000");
  await expectWhole(path, bytes);
}, 60_000);

test("of two chunks for the same offset one is kept, whichever processes they meet in", async () => {
  for (let round = 0; round < 30; round += 1) {
    const path = await atOne.begin(2 * MIB);
    const chunks = [10, 100].map((salt) => new Uint8Array(bytesAt(0, 2 * MIB, salt + round)));
    const callers = round % 3 === 0 ? [atOne, atOne] : [atOne, atOther];
    const answers = await Promise.all(
      callers.map((caller, index) => caller.send(path, 0, chunks[index] ?? "")),
    );
    const statuses = answers.map((answer) => answer.status);
    expect([
      [204, 409],
      [204, 423],
    ]).toContainEqual(statuses.toSorted((a, b) => a - b));
    await expectWhole(path, chunks[statuses.indexOf(204)] ?? new Uint8Array());
  }
}, 60_000);

test("a process that dies in the midst of a chunk holds nobody up, and what it kept is kept", async () => {
  const bytes = bytesAt(0, 4 * MIB, 5);
  const path = await atOne.begin(bytes.length);
  await sendAndFallSilent(one, path, bytes.length, bytes.subarray(0, 3 * MIB + 5));
  const stored = async () => (await storage.uploads.offset(contentKey(idOf(path)))) ?? 0;
  await untilTrue(async () => (await stored()) === 3 * MIB + 5, 30_000, "what was sent is in the storage");
  await one.kill9();
  const head = await atOther.tus("HEAD", path);
  const offset = Number(head.headers.get("Upload-Offset"));
  expect([head.status, offset]).toEqual([200, 3 * MIB + 5]);
  expect((await atOther.send(path, offset, bytes.slice(offset))).status).toBe(204);
  await expectWhole(path, bytes);
}, 60_000);

test("a process that is told to stop says how far the upload is, and another one goes on", async () => {
  const bytes = bytesAt(0, 200_000, 8);
  const path = await atOne.begin(bytes.length);
  const sending = await sendAndFallSilent(one, path, bytes.length, bytes.subarray(0, 150_000));
  await one.stop();
  expect(await sending.status).toBe(204);
  expect(sending.received).toMatch(/upload-offset: 150000/i);
  expect((await atOther.send(path, 150_000, bytes.slice(150_000))).status).toBe(204);
  await expectWhole(path, bytes);
}, 60_000);

test("an upload that is given up at one process, while bytes arrive at another, is gone at both", async () => {
  const path = await atOne.begin(200_000);
  const sending = await sendAndFallSilent(one, path, 200_000, bytesAt(0, 100_000, 6));
  expect((await atOther.tus("DELETE", path)).status).toBe(204);
  sending.destroy();
  expect((await atOne.tus("HEAD", path)).status).toBe(404);
  expect((await atOther.send(path, 100_000, "x")).status).toBe(404);
  const tasks = await sql`select 1 from tasks where task_id = ${idOf(path)}`;
  expect(tasks).toHaveLength(0);
}, 60_000);

test("many requests at the end of an upload make one task", async () => {
  const path = await atOne.begin(5);
  const answers = await Promise.all(
    [atOne, atOther, atOne, atOther].flatMap((caller) => [
      caller.send(path, 0, "hello"),
      caller.tus("HEAD", path),
    ]),
  );
  for (const { status } of answers) expect([200, 204, 409, 423]).toContain(status);
  expect(answers.filter(({ status }) => status === 204)).toHaveLength(1);
  await expectWhole(path, new TextEncoder().encode("hello"));
}, 60_000);

test("while NATS is away, uploads go on", async () => {
  const path = await atOne.begin(10);
  await site.nats.kill9();
  expect((await atOne.send(path, 0, "hello")).status).toBe(204);
  expect((await atOther.send(path, 5, "world")).status).toBe(204);
  await site.nats.restart();
  await expectWhole(path, new TextEncoder().encode("helloworld"));
}, 60_000);
