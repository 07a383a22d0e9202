import { afterAll, beforeAll, expect, test } from "bun:test";
import { createClient } from "@millrace/client";
import { onSharedPostgres } from "../support/on-shared-postgres.ts";
import { runCli } from "../support/run-cli.ts";
import { untilTrue } from "../support/running-stack.ts";
import { startTaskStack, type TaskStack } from "../support/task-stack.ts";

const WAIT_MS = 60_000;

let stack: TaskStack;
beforeAll(async () => {
  stack = await startTaskStack(await onSharedPostgres({ SIMULATE_ALLOW_CRASH: "true", LOG_LEVEL: "DEBUG" }));
}, 90_000);
afterAll(() => stack?.close());

/** As if two workers had died with them: they are held back until it stands in their rows. */
async function submitToQuarantine(
  wishes: readonly { readonly task_id: string; readonly payload: object }[],
): Promise<void> {
  await stack.call("POST", "/api/queues/simulate/pause");
  await stack.submitAll(
    wishes.map((wish) => ({ ...wish, task_type: "simulate", lane: "short", timeout: 60 })),
  );
  const ids = wishes.map(({ task_id }) => task_id);
  const areParked = async (): Promise<boolean> => {
    const rows = await stack.sql`
      select 1 from open_tasks o join task_keys using (seq) where task_id = any(${ids}::text[]) and parked_for is not null`;
    return rows.length === ids.length;
  };
  await untilTrue(areParked, WAIT_MS, "their messages are gone");
  await stack.sql`
    update open_tasks set is_alone = true, deaths = 2
    where seq = any(array(select seq from task_keys where task_id = any(${ids}::text[])))`;
  await stack.call("POST", "/api/queues/simulate/resume");
}

const quiet = (task_id: string, durationMs: number) => ({
  task_id,
  payload: { duration_ms: durationMs, failure_rate: 0 },
});
const why = async (taskId: string) => (await stack.call("GET", `/api/tasks/${taskId}/why`)).body;

test("one task at a time runs in quarantine, the next says that it waits, and each ends in its own way", async () => {
  await submitToQuarantine([quiet("q-1", 40_000), quiet("q-2", 40_000)]);
  const running = async () =>
    (await Promise.all(["q-1", "q-2"].map((id) => stack.show(id)))).filter(
      ({ phase }) => phase === "running",
    );
  await untilTrue(async () => (await running()).length === 1, WAIT_MS, "one of them runs");
  const [first] = await running();
  const second = first.task_id === "q-1" ? "q-2" : "q-1";
  expect(await why(first.task_id)).toMatchObject({ reason: "running", details: { in_quarantine: true } });
  await untilTrue(async () => (await why(second)).reason === "quarantine", WAIT_MS, "the other one waits");
  expect((await why(second)).summary).toContain("waits for its turn");

  // Beside the quarantine everything goes on.
  await stack.submit({ ...quiet("beside", 0), task_type: "simulate", lane: "short" });
  expect(await stack.untilEnded("beside", WAIT_MS)).toMatchObject({ status: "completed" });
  expect(await stack.show(second)).toMatchObject({ phase: "queued" });

  await stack.call("POST", `/api/tasks/${first.task_id}/cancel`);
  await stack.untilPhase(second, "running", WAIT_MS);
  expect(await stack.show(first.task_id)).toMatchObject({ status: "cancelled" });
  await stack.call("POST", `/api/tasks/${second}/cancel`);
}, 180_000);

test("what completes there has completed, and what it wrote is kept with its attempt", async () => {
  await submitToQuarantine([
    quiet("q-3", 0),
    { ...quiet("q-4", 0), payload: { failure_rate: 1, error: "no luck" } },
  ]);
  expect(await stack.untilEnded("q-3", WAIT_MS)).toMatchObject({
    ...{ status: "completed", attempts: 1, result: { slept_ms: 0, attempt: 1 } },
  });
  const { body } = await stack.call("GET", "/api/tasks/q-3/attempts");
  expect(body.items).toMatchObject([{ status: "completed", log: "" }]);
  // A failure of its own is tried again, by its own policy.
  expect(await stack.untilEnded("q-4", WAIT_MS)).toMatchObject({
    ...{ status: "failed", attempts: 3, error: { code: "SIMULATED_FAILURE" } },
  });
}, 180_000);

test("the dead letter, the attempts and the command line show the last words", async () => {
  await submitToQuarantine([{ task_id: "q-5", payload: { duration_ms: 0, failure_rate: 1, crash: true } }]);
  expect(await stack.untilEnded("q-5", WAIT_MS)).toMatchObject({ error: { code: "QUARANTINED" } });
  const words = expect.stringContaining("simulated crash: this process ends now");
  const { body: letter } = await stack.call("GET", "/api/dlq/q-5");
  expect(letter.history).toMatchObject([{ status: "dead", log: words }]);
  const { stdout } = await runCli(["dlq", "show", "q-5"], {
    env: { MILLRACE_URL: stack.apiUrl, MILLRACE_API_KEY: stack.apiKey },
  });
  expect(stdout).toContain("log of attempt 1, which ran alone:");
  expect(stdout).toEqual(words);
  const { body: attempts } = await stack.call("GET", "/api/tasks/q-5/attempts");
  expect(attempts.items).toMatchObject([{ status: "dead", log: words }]);
}, 180_000);

test("workers over HTTP get it without others; what died a third time, alone, is dead", async () => {
  const worker = createClient({ baseUrl: stack.apiUrl, apiKey: stack.apiKey }).workers;
  const wish = {
    worker_id: "http",
    capabilities: ["brittle"],
    max_concurrent_tasks: 5,
    heartbeat_interval: 60,
  };
  const ask = async () => (await worker.lease("http", { max_tasks: 5, wait_seconds: 20 })).tasks;
  await worker.register(wish);
  const ids = ["deadly", "beside-1", "beside-2"];
  await stack.submitAll(ids.map((task_id) => ({ task_id, task_type: "brittle", lane: "long" })));
  for (let life = 0; life < 2; life += 1) {
    let leased = 0;
    for (let asked = 0; leased < ids.length && asked < 10; asked += 1) leased += (await ask()).length;
    expect(leased).toBe(ids.length);
    await worker.register(wish); // It died, and was started again.
  }
  const seen: string[] = [];
  while (seen.length < ids.length) {
    const tasks = await ask();
    expect(tasks).toHaveLength(1);
    for (const task of tasks) {
      seen.push(task.task_id);
      expect(await why(task.task_id)).toMatchObject({ reason: "running", details: { in_quarantine: true } });
      if (task.task_id === "deadly") await worker.register(wish);
      else await worker.complete(task, null);
    }
  }
  expect(await stack.untilEnded("deadly", WAIT_MS)).toMatchObject({
    error: { code: "QUARANTINED" },
    attempts: 3,
  });
  for (const id of ids.slice(1))
    expect(await stack.show(id)).toMatchObject({ status: "completed", attempts: 3 });
}, 180_000);
