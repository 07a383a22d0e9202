import { afterAll, beforeAll, expect, test } from "bun:test";
import { formOf } from "../support/file-api.ts";
import { onSharedPostgres } from "../support/on-shared-postgres.ts";
import { readSentEvents } from "../support/server-sent.ts";
import { startTaskStack, type TaskStack } from "../support/task-stack.ts";

/** A user of the whole product: sends a file, watches what becomes of it, and fetches the result. */
let stack: TaskStack;
let token: string;
beforeAll(async () => {
  stack = await startTaskStack(await onSharedPostgres());
  token = await stack.signUp("reader@example.org");
}, 90_000);
afterAll(() => stack.close());

const ENDED_MS = 60_000;
const call = (method: string, path: string, init: RequestInit = {}) =>
  fetch(`${stack.apiUrl}${path}`, { method, ...init, headers: { Authorization: `Bearer ${token}` } });

async function upload(text: string, operation: string): Promise<string> {
  const response = await call("POST", "/api/files", {
    body: formOf({ file: text, name: "poem.txt", operation }),
  });
  const body = (await response.json()) as { readonly file_id: string };
  expect({ status: response.status, body }).toMatchObject({ status: 201 });
  return body.file_id;
}

test("a text is put in upper case, the stream tells its way, and the result is downloaded", async () => {
  const text = "straße ǆ ŉ 你好\n".repeat(20_000);
  const fileId = await upload(text, "uppercase");
  const stream = await readSentEvents(`${stack.apiUrl}/api/files/${fileId}/stream`, token);
  const { data } = await stream.untilSent("the end", (event) => event.data.status === "completed", ENDED_MS);
  await stream.ended;
  expect(data).toMatchObject({ file_id: fileId, task_id: fileId, progress: 1, attempts: 1, error: null });
  const result = await call("GET", `/api/files/${fileId}/result`);
  expect(result.headers.get("content-disposition")).toContain('filename="poem.uppercase.txt"');
  expect(result.headers.get("etag")).toBe(`"${data.result.sha256}"`);
  expect(await result.text()).toBe(text.toUpperCase());
}, 90_000);

test("what an operation has to say is shown with the file", async () => {
  const fileId = await upload("one two two\n", "text-stats");
  const stream = await readSentEvents(`${stack.apiUrl}/api/files/${fileId}/stream`, token);
  const { data } = await stream.untilSent("the end", (event) => event.data.status === "completed", ENDED_MS);
  expect(data.summary).toMatchObject({ words: 3, lines: 1 });
}, 90_000);

test("a file that cannot be processed fails, and says why; its content is still there until it is deleted", async () => {
  const fileId = await upload("this is no picture", "thumbnail");
  const stream = await readSentEvents(`${stack.apiUrl}/api/files/${fileId}/stream`, token);
  const { data } = await stream.untilSent("the end", (event) => event.data.status === "failed", ENDED_MS);
  expect(data.error.message).not.toBe("");
  expect((await call("GET", `/api/files/${fileId}/result`)).status).toBe(409);
  expect(await (await call("GET", `/api/files/${fileId}/content`)).text()).toBe("this is no picture");
  expect((await call("DELETE", `/api/files/${fileId}`)).status).toBe(204);
  expect((await call("GET", `/api/files/${fileId}/content`)).status).toBe(404);
}, 90_000);

test("the process says that it can reach the storage", async () => {
  const response = await call("GET", "/health/ready");
  expect(await response.json()).toMatchObject({ checks: { storage: { status: "up" } } });
});
