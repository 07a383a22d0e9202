import { afterAll, beforeAll, expect, test } from "bun:test";
import { type ApiError, type Client, createClient, defineWorker, TaskFailure } from "@millrace/client";
import { onSharedPostgres } from "../support/on-shared-postgres.ts";
import { untilTrue } from "../support/running-stack.ts";
import { startTaskStack, type TaskStack } from "../support/task-stack.ts";

/** Workers by the SDK, beside the product's own. */
let stack: TaskStack;
let operator: Client;
beforeAll(async () => {
  stack = await startTaskStack(await onSharedPostgres({ HEARTBEAT_INTERVAL: "1" }));
  operator = createClient({ baseUrl: stack.apiUrl, apiKey: stack.apiKey });
}, 120_000);
afterAll(() => stack.close());

function codeOf(call: Promise<unknown>): Promise<string> {
  return call.then(
    () => "none",
    (error: ApiError) => error.code,
  );
}

test("a worker by the SDK runs what it is given, with progress, typed failures and a drain", async () => {
  const worker = defineWorker<{ "sdk.square": { n: number }; "sdk.never": null }>({
    ...{ baseUrl: stack.apiUrl, apiKey: stack.apiKey, workerId: "sdk", handlesSignals: false },
    capabilities: {
      "sdk.square": async ({ payload }, { progress }) => {
        progress(0.5, "half");
        return payload.n * payload.n;
      },
      "sdk.never": () => {
        throw new TaskFailure("never", { code: "NEVER", retryable: false });
      },
    },
  });
  const running = worker.run();
  await stack.submitAll([
    ...Array.from({ length: 20 }, (_, n) => ({
      task_type: "sdk.square",
      task_id: `square-${n}`,
      payload: { n },
    })),
    { task_type: "sdk.never", task_id: "never" },
  ]);
  expect(await stack.untilEnded("square-7", 30_000)).toMatchObject({
    status: "completed",
    result: 49,
    worker_id: "sdk",
  });
  expect(await stack.untilEnded("never", 30_000)).toMatchObject({
    status: "failed",
    attempts: 1,
    error: { code: "NEVER" },
  });
  for (let n = 0; n < 20; n += 1) await stack.untilEnded(`square-${n}`, 30_000);
  await worker.stop();
  await running;
  expect(await codeOf(operator.workers.get("sdk"))).toBe("NOT_FOUND");
});

test("a type that both kinds of workers run is shared, and each task runs once", async () => {
  const worker = defineWorker<{ simulate: { duration_ms: number } }>({
    ...{
      baseUrl: stack.apiUrl,
      apiKey: stack.apiKey,
      workerId: "sharing",
      maxConcurrentTasks: 20,
      handlesSignals: false,
    },
    capabilities: {
      simulate: async ({ payload }) => {
        await Bun.sleep(payload.duration_ms);
        return { shared: true };
      },
    },
  });
  const running = worker.run();
  await untilTrue(async () => (await codeOf(operator.workers.get("sharing"))) === "none", 30_000);
  const payload = { duration_ms: 100, failure_rate: 0 };
  const wishes = Array.from({ length: 120 }, (_, n) => ({
    task_type: "simulate",
    task_id: `shared-${n}`,
    payload,
  }));
  await stack.submitAll(wishes);
  await stack.untilNoneOpen("shared-", 60_000);
  const rows = await stack.sql<{ who: string; tasks: number }[]>`
    select split_part(claimed_by, '~', 1) as who, count(*)::integer as tasks from outcomes join tasks using (seq)
    where task_id like 'shared-%' and kind = 'completed' group by 1`;
  expect(rows.reduce((sum, row) => sum + row.tasks, 0)).toBe(120);
  expect(rows).toHaveLength(2);
  await worker.stop();
  await running;
});

test("a cancelled task aborts its handler's signal, and a worker that drains gives back what does not end", async () => {
  const stopped: string[] = [];
  const worker = defineWorker<{ "sdk.endless": null }>({
    ...{
      baseUrl: stack.apiUrl,
      apiKey: stack.apiKey,
      workerId: "patient",
      handlesSignals: false,
      drainMsMax: 200,
    },
    capabilities: {
      "sdk.endless": ({ task_id }, { signal }) =>
        new Promise((_, reject) => {
          signal.addEventListener("abort", () => {
            stopped.push(task_id);
            reject(signal.reason);
          });
        }),
    },
  });
  const running = worker.run();
  await stack.submitAll(["endless-1", "endless-2"].map((task_id) => ({ task_type: "sdk.endless", task_id })));
  for (const id of ["endless-1", "endless-2"]) await stack.untilPhase(id, "running", 30_000);
  await stack.call("POST", "/api/tasks/endless-1/cancel");
  await untilTrue(async () => stopped.includes("endless-1"), 30_000);
  await worker.stop();
  await running;
  expect(stopped).toEqual(["endless-1", "endless-2"]);
  expect(await stack.show("endless-2")).toMatchObject({ phase: "queued", status: "pending" });
  const { body } = await stack.call("GET", "/api/tasks/endless-2/attempts");
  expect(body.items.map((one: { status: string }) => one.status)).toEqual(["returned"]);
});
