import { afterAll, beforeAll, expect, test } from "bun:test";
import { TASKS_STREAM } from "@millrace/protocol";
import { type FakeExternalApi, startFakeExternalApi } from "../support/fake-external-api.ts";
import { inMidRun } from "../support/mid-run.ts";
import { onSharedPostgres } from "../support/on-shared-postgres.ts";
import { untilTrue } from "../support/running-stack.ts";
import { startTaskStack, type TaskStack } from "../support/task-stack.ts";

let stack: TaskStack;
let external: FakeExternalApi;
beforeAll(async () => {
  [stack, external] = await Promise.all([
    startTaskStack(await onSharedPostgres({ MAX_WORKERS: "40" })),
    startFakeExternalApi(),
  ]);
}, 90_000);
afterAll(async () => {
  await stack?.close();
  await external?.stop();
});

test("the TASKS stream purged in mid-run: nothing is lost, and each task is done once", async () => {
  const purge = () => stack.bus.manager.streams.purge(TASKS_STREAM);
  await inMidRun({ stack, external, prefix: "purged", deadlineMs: 50_000 }, purge);
}, 80_000);

test("tasks of all levels that sleep until their time wake up, although the stream was deleted when they slept", async () => {
  const ids = Array.from({ length: 10 }, (_, index) => `sleeper-${index}`);
  await stack.submitAll(
    ids.map((taskId, index) => ({
      ...{ task_id: taskId, task_type: "simulate", priority: index + 1, delay: 6 },
      payload: { duration_ms: 0, failure_rate: 0 },
    })),
  );
  const { streams } = stack.bus.manager;
  await untilTrue(async () => (await streams.info(TASKS_STREAM)).state.messages >= ids.length, 5_000);
  await streams.delete(TASKS_STREAM);
  await stack.untilNoneOpen("sleeper-", 60_000);
  for (const taskId of ids)
    expect(await stack.show(taskId)).toMatchObject({ status: "completed", attempts: 1 });
}, 80_000);
