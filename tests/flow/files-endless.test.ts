import { afterAll, beforeAll, expect, test } from "bun:test";
import { blobsOf, type HostileWorker, startHostileWorker, submitFile } from "../support/file-tasks.ts";
import { onSharedPostgres } from "../support/on-shared-postgres.ts";
import { untilTrue } from "../support/running-stack.ts";
import { startTaskStack, type TaskStack } from "../support/task-stack.ts";

let stack: TaskStack;
let worker: HostileWorker;
beforeAll(async () => {
  stack = await startTaskStack(await onSharedPostgres({ MAX_FILE_WORKERS: "0" }));
  worker = await startHostileWorker(stack);
}, 90_000);
afterAll(async () => {
  await worker?.stop();
  await stack?.close();
});

test("a file that is processed for ever is stopped at its limit, three times, and is a dead letter then", async () => {
  const ground = { ...stack, blobs: await blobsOf(stack) };
  const fileId = await submitFile(ground, { operation: "uppercase", content: "!loop\n", timeoutS: 1 });
  const task = await stack.untilEnded(fileId, 60_000);
  expect(task).toMatchObject({ status: "failed", phase: "dead", attempts: 3 });
  expect(task.error).toEqual({ code: "TIMEOUT", message: "it ran longer than 1 s" });

  const { body: letter } = await stack.call("GET", `/api/dlq/${fileId}`);
  expect(letter).toMatchObject({ task_type: "file.process", lane: "file", error: { code: "TIMEOUT" } });
  const codes = letter.history.map((attempt: { error: { code: string } }) => attempt.error.code);
  expect(codes).toEqual(["TIMEOUT", "TIMEOUT", "TIMEOUT"]);

  // Stopped, not left alone: each of the three threads was killed, and none computes on.
  expect(await worker.metric("millrace_file_threads_replaced_total")).toEqual([
    expect.stringMatching(/kind="killed".* 3$/),
  ]);
  const isIdle = async () =>
    (await worker.metric('millrace_file_threads{state="busy"')).join().endsWith(" 0");
  await untilTrue(isIdle, 30_000, "no busy thread");
  const after = await submitFile(ground, { operation: "uppercase", content: "next\n" });
  expect(await stack.untilEnded(after, 30_000)).toMatchObject({ status: "completed", attempts: 1 });
}, 120_000);

test("a file that is cancelled while it is processed for ever stops at once, and is no dead letter", async () => {
  const ground = { ...stack, blobs: await blobsOf(stack) };
  const fileId = await submitFile(ground, { operation: "uppercase", content: "!loop\n", timeoutS: 300 });
  await stack.untilPhase(fileId, "running", 30_000);
  expect((await stack.call("POST", `/api/tasks/${fileId}/cancel`)).status).toBe(200);
  expect(await stack.untilEnded(fileId, 30_000)).toMatchObject({ status: "cancelled", attempts: 1 });
  const after = await submitFile(ground, { operation: "uppercase", content: "next\n" });
  expect(await stack.untilEnded(after, 30_000)).toMatchObject({ status: "completed" });
  expect((await stack.call("GET", `/api/dlq/${fileId}`)).status).toBe(404);
}, 120_000);

test("a file that is deleted while it is processed stops, and leaves nothing", async () => {
  const blobs = await blobsOf(stack);
  const fileId = await submitFile(
    { ...stack, blobs },
    { operation: "uppercase", content: "!loop\n", timeoutS: 300 },
  );
  await stack.untilPhase(fileId, "running", 30_000);
  expect((await stack.call("DELETE", `/api/files/${fileId}`)).status).toBe(204);
  await untilTrue(
    async () => (await worker.metric('millrace_file_threads{state="busy"')).join().endsWith(" 0"),
    30_000,
    "no busy thread",
  );
  expect((await stack.call("GET", `/api/files/${fileId}`)).status).toBe(404);
  const left = (await blobs.list()).items.filter(({ key }) => key.includes(fileId));
  expect(left).toEqual([]);
}, 120_000);
