import { afterAll, beforeAll, expect, test } from "bun:test";
import { TASKS_STREAM } from "@millrace/protocol";
import { type FakeExternalApi, startFakeExternalApi } from "../support/fake-external-api.ts";
import { inMidRun } from "../support/mid-run.ts";
import { onSharedPostgres } from "../support/on-shared-postgres.ts";
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

test("the TASKS stream deleted in mid-run: nothing is lost, and each task is done once", async () => {
  await inMidRun({ stack, external, prefix: "deleted", deadlineMs: 45_000 }, () =>
    stack.bus.manager.streams.delete(TASKS_STREAM),
  );
  expect((await stack.bus.manager.streams.info(TASKS_STREAM)).config.subjects).toEqual([
    "tasks.>",
    "sched.>",
  ]);
}, 80_000);

test("its consumers deleted in mid-run: they are made anew, nothing is lost, and each task is done once", async () => {
  const deleteConsumers = async (): Promise<void> => {
    for await (const { name } of stack.bus.manager.consumers.list(TASKS_STREAM))
      await stack.bus.manager.consumers.delete(TASKS_STREAM, name);
  };
  await inMidRun({ stack, external, prefix: "unconsumed", deadlineMs: 45_000 }, deleteConsumers);
}, 90_000);
