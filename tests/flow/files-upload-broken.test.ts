import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { uploadFile } from "@millrace/api/use-cases/upload-file";
import { FILE_BYTES_MAX } from "@millrace/core/limits";
import { leftovers } from "../support/blobs.ts";
import { type FileApi, startFileApi } from "../support/file-api.ts";
import {
  FORM_TYPE,
  fieldPart,
  filePart,
  type RawSocket,
  rawForm,
  rawSocket,
  uploadHead,
} from "../support/raw-form.ts";
import { untilTrue } from "../support/running-stack.ts";

/** Senders that lie, stop, or never end: each gets a clear answer if it can still hear one, and nothing is left behind. */
let api: FileApi;
const sockets: RawSocket[] = [];
beforeAll(async () => {
  api = await startFileApi();
});
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
});
afterAll(() => api.close());

async function open(): Promise<RawSocket> {
  const socket = await rawSocket(api.port);
  sockets.push(socket);
  return socket;
}

const WHOLE = rawForm([fieldPart("operation", "gzip"), filePart("x".repeat(200_000))]);
const head = (...headers: string[]) => uploadHead(api.user.token, headers);

/** Whatever was begun has ended: no row, no bytes, no half-written file, no slot that is taken. */
async function expectNothingLeft(): Promise<void> {
  await untilTrue(async () => {
    const isUploading = (await api.states(api.user)).includes("uploading");
    return !isUploading && api.ports.uploadSlots.taken === 0;
  }, 30_000);
  expect(await api.keys()).toEqual([]);
  expect(await leftovers(api.blobs)).toBe(0);
}

async function untilUploading(): Promise<void> {
  await untilTrue(async () => (await api.states(api.user)).includes("uploading"), 30_000);
}

test("a connection that breaks in the middle of the file", async () => {
  const socket = await open();
  await socket.write(head(`Content-Length: ${WHOLE.length}`));
  await socket.write(WHOLE.subarray(0, 100_000));
  await untilUploading();
  socket.destroy();
  await expectNothingLeft();
});

test("a Content-Length that is larger than the body, and then the end", async () => {
  const socket = await open();
  await socket.write(head(`Content-Length: ${WHOLE.length + 1_000}`));
  await socket.write(WHOLE);
  await untilUploading();
  socket.destroy();
  await expectNothingLeft();
});

test("a Content-Length that is smaller than the body: the form has no end", async () => {
  const socket = await open();
  await socket.write(head(`Content-Length: ${WHOLE.length - 1_000}`));
  await socket.write(WHOLE.subarray(0, WHOLE.length - 1_000));
  expect(await socket.status).toBe(400);
  await expectNothingLeft();
});

test("a declared length beyond the limit is refused before a byte of the body was sent", async () => {
  const socket = await open();
  await socket.write(head(`Content-Length: ${2 * FILE_BYTES_MAX}`));
  expect(await socket.status).toBe(413);
  expect(socket.received()).toContain('"code":"BODY_TOO_LARGE"');
  await expectNothingLeft();
});

test("a body without a length is refused as soon as it passes the limit", async () => {
  const socket = await open();
  await socket.write(head("Transfer-Encoding: chunked"));
  const begin = rawForm([fieldPart("operation", "gzip"), filePart("")]).subarray(0, -44);
  const chunk = (bytes: Uint8Array) =>
    Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from("\r\n")]);
  const piece = chunk(Buffer.alloc(1024 * 1024, 97));
  await socket.write(chunk(begin));
  let sent = 0;
  let isAnswered = false;
  void socket.status.then(() => {
    isAnswered = true;
  });
  for (; sent < 400 && !isAnswered; sent += 1) await socket.write(piece).catch(() => {});
  expect(await socket.status).toBe(413);
  expect(sent).toBeGreaterThanOrEqual(100);
  await expectNothingLeft();
});

test("a body without a length that ends well is a file", async () => {
  const socket = await open();
  await socket.write(head("Transfer-Encoding: chunked"));
  await socket.write(`${WHOLE.length.toString(16)}\r\n`);
  await socket.write(Buffer.concat([WHOLE, Buffer.from("\r\n0\r\n\r\n")]));
  expect(await socket.status).toBe(201);
  const { items } = (await api.user.get("/api/files")).body;
  expect(items[0]).toMatchObject({ size: 200_000, declared_size: null, status: "queued" });
  await api.user.fetch("DELETE", `/api/files/${items[0].file_id}`);
  await expectNothingLeft();
});

test("a sender who goes silent, or goes on byte by byte for ever, is given up", async () => {
  const { ports, user } = api;
  const identity = { userId: user.userId, role: "user", scopes: "all", via: "jwt" } as const;
  const trickle = (everyMs: number) => {
    let timer: ReturnType<typeof setInterval> | undefined;
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        controller.enqueue(WHOLE.subarray(0, 1_000));
        if (everyMs > 0) timer = setInterval(() => controller.enqueue(new Uint8Array([120])), everyMs);
      },
      cancel: () => clearInterval(timer),
    });
    const headers = { "Content-Type": FORM_TYPE, "Content-Length": String(WHOLE.length) };
    return new Request("http://test/api/files", { method: "POST", body, headers });
  };
  for (const [everyMs, times] of [
    [0, { idleMs: 50, totalMs: 60_000 }],
    [5, { idleMs: 60_000, totalMs: 200 }],
  ] as const) {
    const submission = { request: trickle(everyMs), correlationId: "c", idempotencyKey: null, times };
    await expect(uploadFile(ports, identity, submission)).rejects.toMatchObject({
      code: "UPLOAD_TIMEOUT",
      status: 408,
    });
    await expectNothingLeft();
  }
});

test("a file that is deleted, or sent anew under the same key, while it arrives", async () => {
  const socket = await open();
  await socket.write(head(`Content-Length: ${WHOLE.length}`, "Idempotency-Key: k"));
  await socket.write(WHOLE.subarray(0, 100_000));
  await untilUploading();
  const again = await api.user.upload({ file: "newer", operation: "gzip" }, { "Idempotency-Key": "k" });
  expect(again.status).toBe(201);
  await socket.write(WHOLE.subarray(100_000));
  expect(await socket.status).toBe(409);
  expect(socket.received()).toContain('"code":"UPLOAD_SUPERSEDED"');
  await api.user.fetch("DELETE", `/api/files/${again.body.file_id}`);

  const other = await open();
  await other.write(head(`Content-Length: ${WHOLE.length}`));
  await other.write(WHOLE.subarray(0, 100_000));
  await untilUploading();
  const { items } = (await api.user.get("/api/files?status=uploading")).body;
  expect(items).toHaveLength(1);
  expect((await api.user.fetch("DELETE", `/api/files/${items[0].file_id}`)).status).toBe(204);
  await other.write(WHOLE.subarray(100_000));
  expect(await other.status).toBe(409);
  await expectNothingLeft();
});

test("one who sends too many at once is sent away, and the others' uploads go on", async () => {
  const arriving: RawSocket[] = [];
  for (let count = 0; count < 24; count += 1) {
    const socket = await open();
    await socket.write(head(`Content-Length: ${WHOLE.length}`));
    await socket.write(WHOLE.subarray(0, 10_000));
    arriving.push(socket);
  }
  await untilTrue(async () => api.ports.uploadSlots.taken === 24, 30_000);
  const refused = await api.user.upload({ file: "x", operation: "gzip" });
  expect({ status: refused.status, code: refused.body.code }).toEqual({
    status: 429,
    code: "TOO_MANY_REQUESTS",
  });
  expect(refused.headers.get("retry-after")).toBe("2");
  const { status, body } = await api.stranger.upload({ file: "x", operation: "gzip" });
  expect(status).toBe(201);
  await api.stranger.fetch("DELETE", `/api/files/${body.file_id}`);
  for (const socket of arriving) socket.destroy();
  await expectNothingLeft();
});
