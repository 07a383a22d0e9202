import { afterAll, beforeAll, expect, test } from "bun:test";
import { blobsOf, type HostileWorker, startHostileWorker, submitFile } from "../support/file-tasks.ts";
import { onSharedPostgres } from "../support/on-shared-postgres.ts";
import { untilTrue } from "../support/running-stack.ts";
import { startTaskStack, type TaskStack } from "../support/task-stack.ts";

let stack: TaskStack;
let worker: HostileWorker;
beforeAll(async () => {
  // Its own worker takes neither files nor short tasks: those are the other one's.
  stack = await startTaskStack(
    await onSharedPostgres({ MAX_FILE_WORKERS: "0", MAX_WORKERS: "1", LONG_SLOTS: "1" }),
  );
  worker = await startHostileWorker(stack, { MAX_WORKERS: "2", LONG_SLOTS: "0" });
}, 90_000);
afterAll(async () => {
  await worker?.stop();
  await stack?.close();
});

test("while all threads of a worker compute without end, it goes on with other tasks, and its heart beats", async () => {
  const ground = { ...stack, blobs: await blobsOf(stack) };
  const file = { operation: "uppercase", content: "!loop\n", timeoutS: 300 } as const;
  const files = [await submitFile(ground, file), await submitFile(ground, file)];
  for (const fileId of files) await stack.untilPhase(fileId, "running", 30_000);

  // Three silent seconds are a death, and more than that passes.
  const startedMs = performance.now();
  let tasks = 0;
  while (tasks < 20 || performance.now() - startedMs < 5_000) {
    tasks += 1;
    const payload = { duration_ms: 100, failure_rate: 0 };
    await stack.submit({ task_id: `beside-${tasks}`, task_type: "simulate", lane: "short", payload });
    const ended = await stack.untilEnded(`beside-${tasks}`, 30_000);
    expect(ended).toMatchObject({ status: "completed", attempts: 1, worker_id: worker.workerId });
  }
  for (const fileId of files)
    expect(await stack.show(fileId)).toMatchObject({ phase: "running", attempts: 1 });

  for (const fileId of files)
    expect((await stack.call("POST", `/api/tasks/${fileId}/cancel`)).status).toBe(200);
  const isIdle = async () =>
    (await worker.metric('millrace_file_threads{state="busy"')).join().endsWith(" 0");
  await untilTrue(isIdle, 30_000, "no busy thread");
}, 180_000);
