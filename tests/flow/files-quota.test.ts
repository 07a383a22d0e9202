import { afterAll, beforeAll, expect, test } from "bun:test";
import { type FileApi, type Person, startFileApi } from "../support/file-api.ts";

/** A user who has used up what one may have is told what the bound is, and others do not feel it. */
let api: FileApi;
beforeAll(async () => {
  api = await startFileApi({ filesMax: 3, bytesMax: 20_000, perMinuteMax: 12 });
});
afterAll(() => api.close());

const send = (person: Person, bytes: number) => person.upload({ file: "x".repeat(bytes), operation: "gzip" });

/** A stream says no length, so the request has none. */
function inChunks(bytes: Uint8Array): ReadableStream<Uint8Array> {
  return new ReadableStream({
    pull: (controller) => {
      controller.enqueue(bytes);
      controller.close();
    },
  });
}

test("files are counted, in parallel too; deleting one makes room at once", async () => {
  const answers = await Promise.all(Array.from({ length: 5 }, () => send(api.user, 10)));
  const taken = answers.filter(({ status }) => status === 201);
  expect(taken).toHaveLength(3);
  const refused = answers.find(({ status }) => status !== 201);
  expect({ status: refused?.status, body: refused?.body }).toMatchObject({
    status: 403,
    body: { code: "QUOTA_EXCEEDED", limit: { name: "files", max: 3, used: 3 } },
  });
  await api.user.fetch("DELETE", `/api/files/${taken[0]?.body.file_id}`);
  expect((await send(api.user, 10)).status).toBe(201);
});

test("bytes are counted, also those of a body that does not say its length", async () => {
  expect((await send(api.stranger, 15_000)).status).toBe(201);
  const refused = await send(api.stranger, 6_000);
  expect({ status: refused.status, body: refused.body }).toMatchObject({
    status: 403,
    body: { code: "QUOTA_EXCEEDED", limit: { name: "bytes", max: 20_000, used: 15_000 } },
  });
  const form = new FormData();
  form.append("operation", "gzip");
  form.append("file", new Blob(["x".repeat(6_000)]), "a");
  const whole = new Response(form);
  const type = whole.headers.get("content-type") ?? "";
  const chunked = await api.stranger.fetch("POST", "/api/files", {
    body: inChunks(await whole.bytes()),
    headers: { "Content-Type": type },
  });
  expect({ status: chunked.status, body: await chunked.json() }).toMatchObject({
    status: 403,
    body: { code: "QUOTA_EXCEEDED", limit: { name: "bytes", left: 5_000 } },
  });
  expect((await send(api.stranger, 4_000)).status).toBe(201);
  expect(await api.keys()).toHaveLength(5);
});

test("somebody who begins more uploads than one may in a minute is told when to come back", async () => {
  let last = await send(api.operator, 1);
  for (let count = 0; count < 20 && last.status !== 429; count += 1) {
    await api.operator.fetch("DELETE", `/api/files/${last.body.file_id}`);
    last = await send(api.operator, 1);
  }
  expect({ status: last.status, code: last.body.code }).toEqual({ status: 429, code: "TOO_MANY_REQUESTS" });
  expect(Number(last.headers.get("retry-after"))).toBeWithin(1, 61);
  expect((await api.operator.get("/api/files")).status).toBe(200);
});

test("what was refused is counted by its reason", async () => {
  const text = await (await fetch(`${api.url}/metrics`)).text();
  expect(text).toMatch(/millrace_uploads_refused_total\{[^}]*code="QUOTA_EXCEEDED"[^}]*\} [1-9]/);
  expect(text).toMatch(/millrace_uploads_total\{[^}]*step="finished"[^}]*\} [1-9]/);
  expect(text).toMatch(/millrace_upload_bytes_total\{kind="multipart"[^}]*\} [1-9]/);
});
