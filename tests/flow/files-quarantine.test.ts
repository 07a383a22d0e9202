import { afterAll, beforeAll, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { blobsOf, type HostileWorker, startHostileWorker, submitFile } from "../support/file-tasks.ts";
import { onSharedPostgres } from "../support/on-shared-postgres.ts";
import { startTaskStack, type TaskStack } from "../support/task-stack.ts";

const ENDED_MS = 90_000;

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

test("a file that kills its worker does so once, and is quarantined; the one beside it is processed", async () => {
  const ground = { ...stack, blobs: await blobsOf(stack) };
  // It waits until the other one is there, so that both are lost together.
  const gate = join(stack.home, "gate");
  const bystander = await submitFile(ground, { operation: "uppercase", content: `!wait ${gate}\n` });
  await stack.untilPhase(bystander, "running", 30_000);
  const killer = await submitFile(ground, { operation: "uppercase", content: "!kill\n" });

  const task = await stack.untilEnded(killer, ENDED_MS);
  expect(existsSync(gate)).toBe(false);
  expect(task).toMatchObject({
    status: "failed",
    phase: "dead",
    attempts: 2,
    error: { code: "QUARANTINED" },
  });
  expect(task.error.message).toContain("once");
  expect(task.error.message).toContain("SIGKILL");
  expect(worker.starts()).toBe(2);

  const { body: letter } = await stack.call("GET", `/api/dlq/${killer}`);
  expect(letter).toMatchObject({ error: { code: "QUARANTINED" } });
  const codes = letter.history.map((attempt: { error: { code: string } }) => attempt.error.code);
  expect(codes).toEqual(["WORKER_LOST", "QUARANTINED"]);

  await Bun.write(gate, "open");
  expect(await stack.untilEnded(bystander, ENDED_MS)).toMatchObject({ status: "completed", attempts: 2 });
  expect(worker.starts()).toBe(2);
}, 200_000);

test("so is one that ends its thread twice", async () => {
  const ground = { ...stack, blobs: await blobsOf(stack) };
  const fileId = await submitFile(ground, { operation: "uppercase", content: "!exit\n" });
  expect(await stack.untilEnded(fileId, ENDED_MS)).toMatchObject({
    ...{ status: "failed", attempts: 2 },
    error: { code: "QUARANTINED", message: expect.stringContaining("once") },
  });
}, 120_000);
