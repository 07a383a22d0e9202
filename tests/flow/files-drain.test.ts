import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import {
  blobsOf,
  fileResultOf,
  type HostileWorker,
  resultOf,
  startHostileWorker,
  submitFile,
} from "../support/file-tasks.ts";
import { onSharedPostgres } from "../support/on-shared-postgres.ts";
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

test("a worker that leaves gives the file that it processes back, and the next one does it, in its threads", async () => {
  const blobs = await blobsOf(stack);
  const gate = join(stack.home, "gate");
  const fileId = await submitFile(
    { ...stack, blobs },
    { operation: "uppercase", content: `!wait ${gate}\ndone\n` },
  );
  await stack.untilPhase(fileId, "running", 30_000);
  await worker.leave();
  await Bun.write(gate, "open");
  const task = await stack.untilEnded(fileId, 60_000);
  expect(task).toMatchObject({ status: "completed", attempts: 2 });
  const { result } = fileResultOf(task);
  expect(result.key).toBe(`results/${fileId}/2`);
  expect(new TextDecoder().decode(await resultOf(blobs, result))).toEndWith("DONE\n");

  const { items } = (await stack.call("GET", `/api/tasks/${fileId}/attempts`)).body;
  expect(items.map((attempt: { status: string }) => attempt.status)).toEqual(["returned", "completed"]);
  expect(await worker.metric("millrace_file_runs_alone_total{")).toEqual([]);
}, 150_000);
