import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { claimAttempts, findTask, settleAttempts } from "@millrace/store";
import { type FileApi, startFileApi } from "../support/file-api.ts";
import { fieldPart, filePart, type RawSocket, rawForm, rawSocket, uploadHead } from "../support/raw-form.ts";
import { untilTrue } from "../support/running-stack.ts";
import { readSentEvents, type SentEvents } from "../support/server-sent.ts";

/** Somebody watches a file from its first byte to its result, leaves, and comes back. */
let api: FileApi;
const streams: SentEvents[] = [];
const sockets: RawSocket[] = [];
beforeAll(async () => {
  api = await startFileApi();
});
afterEach(() => {
  for (const stream of streams.splice(0)) stream.close();
  for (const socket of sockets.splice(0)) socket.destroy();
});
afterAll(() => api.close());

async function watch(fileId: string, lastEventId?: string): Promise<SentEvents> {
  const headers = lastEventId === undefined ? {} : { "Last-Event-ID": lastEventId };
  const stream = await readSentEvents(`${api.url}/api/files/${fileId}/stream`, api.user.token, headers);
  streams.push(stream);
  return stream;
}

const WAIT_MS = 30_000;
const untilStatus = (stream: SentEvents, status: string) =>
  stream.untilSent(status, ({ data }) => data.status === status, WAIT_MS);

/** Begins an upload, and leaves it in the middle. */
async function beginUpload() {
  const form = rawForm([fieldPart("operation", "gzip"), filePart("x".repeat(1_000_000))]);
  const socket = await rawSocket(api.port);
  sockets.push(socket);
  await socket.write(uploadHead(api.user.token, [`Content-Length: ${form.length}`]));
  await socket.write(form.subarray(0, 500_000));
  const list = async () => (await api.user.get("/api/files?status=uploading")).body.items;
  await untilTrue(async () => (await list()).length > 0, WAIT_MS);
  const [{ file_id: fileId }] = await list();
  return { fileId: String(fileId), socket, rest: form.subarray(500_000) };
}

async function uploaded(): Promise<{ readonly fileId: string; readonly seq: number }> {
  const { body } = await api.user.upload({ file: "x", operation: "gzip" });
  const task = await findTask(api.sql, body.file_id);
  return { fileId: body.file_id, seq: task?.seq ?? 0 };
}

function step(seq: number): void {
  for (const watcher of api.live.watchers)
    watcher.onStep({ seq, task_id: "", status: "running", phase: "running", attempt: 1 });
}

function report(seq: number, attempt: number, progress: number): void {
  api.live.progress.set(seq, { attempt, progress });
  for (const watcher of api.live.watchers) watcher.onProgress({ seq, attempt, progress });
}

test("one stream tells of bytes, of the queue, of the processing and of the end, and then ends", async () => {
  const { fileId, socket, rest } = await beginUpload();
  const stream = await watch(fileId);
  await untilStatus(stream, "uploading");
  await socket.write(rest.subarray(0, 400_000));
  await stream.untilSent("bytes", ({ data }) => data.uploaded > 500_000, WAIT_MS);
  await socket.write(rest.subarray(400_000));
  expect((await untilStatus(stream, "queued")).data).toMatchObject({ size: 1_000_000, progress: 0 });

  const { seq } = (await findTask(api.sql, fileId)) ?? { seq: 0 };
  await claimAttempts(api.sql, "w~1", [{ seq, attempt: 1 }]);
  step(seq);
  await untilStatus(stream, "processing");
  report(seq, 1, 0.4);
  await stream.untilSent("40 %", ({ data }) => data.progress === 0.4, WAIT_MS);
  await settleAttempts(api.sql, "w~1", [
    { seq, attempt: 1, kind: "completed", result: { result: null, summary: { a: 1 }, duration_ms: 1 } },
  ]);
  step(seq);
  await stream.ended;
  expect(stream.events.at(-1)).toMatchObject({
    event: "file",
    data: { status: "completed", summary: { a: 1 } },
  });
  const order = stream.events.map(({ id = "" }) =>
    id.split(".").reduce((sum, part) => sum * 1e8 + Number(part), 0),
  );
  expect(order).toEqual([...new Set(order)].toSorted((a, b) => a - b));
});

test("who comes back gets what is newer than what was seen, and nothing twice", async () => {
  const { fileId, seq } = await uploaded();
  const first = await watch(fileId);
  const { id } = await untilStatus(first, "queued");
  first.close();

  const same = await watch(fileId, id);
  await claimAttempts(api.sql, "w~1", [{ seq, attempt: 1 }]);
  step(seq);
  const { id: processing } = await untilStatus(same, "processing");
  expect(same.events.map(({ event, data }) => data.status ?? event)).toEqual(["open", "processing"]);
  same.close();

  await settleAttempts(api.sql, "w~1", [
    { seq, attempt: 1, kind: "completed", result: { result: null, summary: null, duration_ms: 1 } },
  ]);
  const late = await watch(fileId, processing);
  await late.ended;
  expect(late.events.map(({ data }) => data.status)).toEqual(["completed"]);
  expect((await watch(fileId, late.events[0]?.id)).status).toBe(204);
  expect((await watch(fileId)).status).toBe(200);
});

test("a file that is deleted, or whose upload breaks off, is told to be gone", async () => {
  const { fileId } = await uploaded();
  const stream = await watch(fileId);
  await untilStatus(stream, "queued");
  await api.user.fetch("DELETE", `/api/files/${fileId}`);
  await stream.ended;
  expect(stream.events.at(-1)).toMatchObject({ event: "gone", data: { file_id: fileId, state: "deleted" } });

  const broken = await beginUpload();
  const other = await watch(broken.fileId);
  await untilStatus(other, "uploading");
  broken.socket.destroy();
  await other.ended;
  expect(other.events.at(-1)).toMatchObject({ event: "gone", data: { state: "expired" } });
});

test("polling tells the same: bytes while they arrive, then per cent", async () => {
  const { fileId, socket, rest } = await beginUpload();
  const { body } = await api.user.get(`/api/files/${fileId}`);
  expect(body).toMatchObject({ status: "uploading", size: null, task_id: null, operation: "gzip" });
  await untilTrue(async () => (await api.user.get(`/api/files/${fileId}`)).body.progress > 0, WAIT_MS);
  await socket.write(rest);
  expect(await socket.status).toBe(201);
  const { seq } = (await findTask(api.sql, fileId)) ?? { seq: 0 };
  await claimAttempts(api.sql, "w~1", [{ seq, attempt: 1 }]);
  report(seq, 1, 0.25);
  expect((await api.user.get(`/api/files/${fileId}`)).body).toMatchObject({
    status: "processing",
    progress: 0.25,
    attempts: 1,
  });
});

test("thousands of reports of progress are a few events, and no look at the database", async () => {
  const { fileId, seq } = await uploaded();
  await claimAttempts(api.sql, "w~1", [{ seq, attempt: 1 }]);
  const stream = await watch(fileId);
  await untilStatus(stream, "processing");
  for (let count = 1; count <= 5_000; count += 1) report(seq, 1, count / 10_000);
  await stream.untilSent("half", ({ data }) => data.progress === 0.5, WAIT_MS);
  expect(stream.events.length).toBeLessThan(20);
});
