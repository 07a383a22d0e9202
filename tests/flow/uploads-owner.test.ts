import { afterAll, beforeAll, expect, test } from "bun:test";
import type { DetailedError } from "tus-js-client";
import { PASSWORD, signIn } from "../support/api.ts";
import { bytesAt, contentOf, MIB, newBlobs } from "../support/blobs.ts";
import { COUNTED, idOf, problemOf, startTusApi, type TusApi, uploadWithClient } from "../support/tus.ts";

let api: TusApi;
let blobs: Awaited<ReturnType<typeof newBlobs>>;
beforeAll(async () => {
  blobs = await newBlobs("local");
  api = await startTusApi(blobs);
}, 60_000);
afterAll(() => api.stop(), 60_000);

const ACCESS_TOKEN_MS = 16 * 60 * 1000;

async function keyWith(scopes: readonly string[]): Promise<string> {
  const { body } = await api.call("POST", "/api/auth/keys", {
    token: api.token,
    body: { name: "k", scopes },
  });
  return String(body.api_key);
}

test("another user's upload does not exist: not to ask for, to send to, or to give up", async () => {
  const path = await api.begin(10);
  await api.send(path, 0, "hello");
  const headers = { "Content-Type": "application/offset+octet-stream", "Upload-Offset": "5" };
  const token = api.strangerToken;
  const absent = `/api/uploads/${Bun.randomUUIDv7()}`;
  expect((await api.tus("HEAD", path, { token })).status).toBe(404);
  const sent = await api.tus("PATCH", path, { token, headers, body: "WORLD" });
  const toNobody = await api.tus("PATCH", absent, { token, headers, body: "WORLD" });
  expect(sent.status).toBe(404);
  const without = async (answer: Response) => ({ ...(await problemOf(answer)), correlation_id: "" });
  expect(await without(sent)).toEqual(await without(toNobody));
  expect((await api.tus("DELETE", path, { token })).status).toBe(404);
  expect((await api.tus("HEAD", path)).headers.get("Upload-Offset")).toBe("5");
  expect((await api.send(path, 5, "world")).status).toBe(204);
  expect((await api.tus("HEAD", path, { token })).status).toBe(404);
  expect((await api.tus("DELETE", path, { token })).status).toBe(404);
  expect(new TextDecoder().decode(await contentOf(blobs, `content/${idOf(path)}`))).toBe("helloworld");
});

test("nobody is let in without identity, whatever the verb", async () => {
  const path = await api.begin(10);
  for (const method of ["HEAD", "PATCH", "DELETE"] as const) {
    const answer = await api.tus(method, path, { token: null });
    expect([method, answer.status]).toEqual([method, 401]);
    expect(answer.headers.get("Tus-Resumable")).toBe("1.0.0");
  }
  const wrong = await api.tus("POST", path, {
    token: "nonsense",
    headers: { "X-HTTP-Method-Override": "DELETE" },
  });
  expect(wrong.status).toBe(401);
});

test("an API key needs the scope files:write, and is its owner's", async () => {
  const path = await api.begin(5);
  const reads = await keyWith(["files:read", "tasks:write"]);
  const headers = { "Upload-Length": "5", "Upload-Metadata": COUNTED };
  const refused = await api.tus("POST", "/api/uploads", { token: reads, headers });
  expect([refused.status, refused.headers.get("Tus-Resumable")]).toEqual([403, "1.0.0"]);
  expect((await api.tus("HEAD", path, { token: reads })).status).toBe(403);
  const writes = await keyWith(["files:write"]);
  expect((await api.tus("HEAD", path, { token: writes })).status).toBe(200);
  expect((await api.tus("POST", "/api/uploads", { token: writes, headers })).status).toBe(201);
});

test("a token that expires in the midst of an upload is refreshed, and the upload goes on", async () => {
  let { accessToken, refreshToken } = await signIn(api.call, "user@example.org", PASSWORD);
  const refusals: number[] = [];
  let isExpired = false;
  const file = Buffer.from(bytesAt(0, 6 * MIB, 9));
  const upload = uploadWithClient(file, {
    endpoint: `${api.url}/api/uploads`,
    chunkSize: MIB,
    onChunkComplete: (_size, accepted) => {
      if (accepted === 3 * MIB) api.advance(ACCESS_TOKEN_MS);
    },
    onBeforeRequest: async (request) => {
      if (isExpired) {
        const { body } = await api.call("POST", "/api/auth/refresh", {
          body: { refresh_token: refreshToken },
        });
        accessToken = String(body.access_token);
        refreshToken = String(body.refresh_token);
        isExpired = false;
      }
      request.setHeader("Authorization", `Bearer ${accessToken}`);
    },
    onShouldRetry: (error) => {
      const status = (error as DetailedError).originalResponse?.getStatus() ?? 0;
      refusals.push(status);
      isExpired = status === 401;
      return true;
    },
  });
  await upload.done;
  expect(refusals).toEqual([401]);
  const id = idOf(upload.url() ?? "");
  expect(await contentOf(blobs, `content/${id}`)).toEqual(new Uint8Array(file));
  const owners = await api.sql`select owner_id from tasks where task_id = ${id}`;
  expect(owners).toHaveLength(1);
}, 30_000);

test("the client gives up an upload, and its bytes are gone", async () => {
  const { accessToken } = await signIn(api.call, "user@example.org", PASSWORD);
  const upload = uploadWithClient(Buffer.from(bytesAt(0, 4 * MIB)), {
    endpoint: `${api.url}/api/uploads`,
    chunkSize: MIB,
    headers: { Authorization: `Bearer ${accessToken}` },
    onChunkComplete: (_size, accepted) => {
      if (accepted === 2 * MIB) void upload.abort(true).then(ended.resolve, ended.reject);
    },
  });
  const ended = Promise.withResolvers<void>();
  await ended.promise;
  const id = idOf(upload.url() ?? "");
  expect((await api.tus("HEAD", `/api/uploads/${id}`, { token: accessToken })).status).toBe(404);
  expect(await blobs.uploads.offset(`content/${id}`)).toBeUndefined();
}, 30_000);

test("a finished file that is given up takes its task along", async () => {
  const { accessToken: token } = await signIn(api.call, "user@example.org", PASSWORD);
  const headers = {
    "Upload-Length": "5",
    "Upload-Metadata": COUNTED,
    "Content-Type": "application/offset+octet-stream",
  };
  const created = await api.tus("POST", "/api/uploads", { token, headers, body: "hello" });
  const path = created.headers.get("Location") ?? "";
  expect((await api.tus("DELETE", path, { token })).status).toBe(204);
  expect(await contentOf(blobs, `content/${idOf(path)}`)).toBeUndefined();
  const open = await api.sql`
    select 1 from open_tasks o join tasks t using (seq) where t.task_id = ${idOf(path)}`;
  expect(open).toHaveLength(0);
});

test("an upload that was not finished in time has expired, and can still be given up", async () => {
  const { accessToken: token } = await signIn(api.call, "user@example.org", PASSWORD);
  const headers = { "Upload-Length": "10", "Upload-Metadata": COUNTED };
  const created = await api.tus("POST", "/api/uploads", { token, headers });
  const path = created.headers.get("Location") ?? "";
  await api.sql`update files set upload_expires_at = ${new Date(api.ports.nowMs() - 1)} where file_id = ${idOf(path)}`;
  expect((await api.tus("HEAD", path, { token })).status).toBe(410);
  const sent = await api.tus("PATCH", path, {
    token,
    headers: { "Content-Type": "application/offset+octet-stream", "Upload-Offset": "0" },
    body: "hello",
  });
  expect([sent.status, (await problemOf(sent)).code]).toEqual([410, "UPLOAD_EXPIRED"]);
  expect((await api.tus("DELETE", path, { token })).status).toBe(204);
});
