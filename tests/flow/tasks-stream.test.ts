import { afterAll, beforeAll, expect, test } from "bun:test";
import { onSharedPostgres } from "../support/on-shared-postgres.ts";
import { untilTrue } from "../support/running-stack.ts";
import { startTaskStack, type TaskStack } from "../support/task-stack.ts";

/** Somebody submits a task and follows it over one connection until it ends. */
let stack: TaskStack;
beforeAll(async () => {
  stack = await startTaskStack(await onSharedPostgres());
}, 60_000);
afterAll(() => stack.close());

interface Following {
  readonly status: number;
  readonly events: readonly StreamEvent[];
  /** Resolves with the end of the stream. */
  readonly ended: Promise<void>;
  leave(): void;
}

interface StreamEvent {
  readonly name: string;
  readonly atMs: number;
  // biome-ignore lint/suspicious/noExplicitAny: a test reads what it expects, and fails where it is not there
  readonly content: any;
}

async function follow(taskId: string, token = stack.apiKey): Promise<Following> {
  const abort = new AbortController();
  const response = await fetch(`${stack.apiUrl}/api/tasks/${taskId}/stream`, {
    headers: { Authorization: `Bearer ${token}`, Accept: "text/event-stream" },
    signal: abort.signal,
  });
  const events: StreamEvent[] = [];
  const read = async (): Promise<void> => {
    let rest = "";
    const decoder = new TextDecoder();
    for await (const chunk of response.body ?? []) {
      const parts = (rest + decoder.decode(chunk, { stream: true })).split("\n\n");
      rest = parts.pop() ?? "";
      for (const part of parts) {
        const [, name, json] = /^event: (.*)\ndata: (.*)$/.exec(part) ?? [];
        if (name !== undefined && json !== undefined)
          events.push({ name, atMs: performance.now(), content: JSON.parse(json) });
      }
    }
  };
  return { status: response.status, events, ended: read(), leave: () => abort.abort() };
}

/** Between being due and being claimed a task is queued; whether somebody looks in that moment is chance. */
const phasesOf = ({ events }: Following) =>
  events
    .filter(({ name }) => name === "task")
    .map(({ content }) => content.phase)
    .filter((phase) => phase !== "queued");

test("a task of 1.5 s is followed from the queue through its run, with its progress, to its end", async () => {
  await stack.submit({
    task_id: "followed",
    task_type: "simulate",
    payload: { duration_ms: 1_500, failure_rate: 0 },
    delay: 0.5,
  });
  const following = await follow("followed");
  expect(following.status).toBe(200);
  await following.ended;
  expect(phasesOf(following)).toEqual(["scheduled", "running", "done"]);
  const shares = following.events
    .filter(({ name }) => name === "progress")
    .map(({ content }) => content.progress);
  expect(shares.length).toBeGreaterThan(2);
  expect(shares).toEqual([...shares].sort((a, b) => a - b));
  const last = following.events.at(-1);
  expect(last).toMatchObject({
    name: "task",
    content: { task_id: "followed", status: "completed", progress: 1 },
  });
  expect(last?.content).toEqual(await stack.show("followed"));
});

test("each failed attempt and each wait for the next one is told", async () => {
  await stack.submit({
    task_id: "failing",
    task_type: "simulate",
    payload: { duration_ms: 100, failure_rate: 1 },
    max_attempts: 3,
    backoff: { initial_ms: 800, factor: 1, max_ms: 800, jitter: false },
    delay: 0.5,
  });
  const following = await follow("failing");
  await following.ended;
  expect(phasesOf(following)).toEqual([
    "scheduled",
    ...["running", "retry_wait", "running", "retry_wait", "running", "dead"],
  ]);
  expect(following.events.at(-1)?.content).toMatchObject({ status: "failed", attempts: 3 });
});

test("a cancellation ends the stream at once: of a task that runs, and of one that waits", async () => {
  const simulate = { task_type: "simulate", payload: { duration_ms: 30_000, failure_rate: 0 } };
  await stack.submit({ ...simulate, task_id: "runs" });
  await stack.submit({ ...simulate, task_id: "waits", delay: 3_600 });
  await stack.untilPhase("runs", "running");
  for (const id of ["runs", "waits"]) {
    const following = await follow(id);
    await untilTrue(() => following.events.length > 0, 5_000);
    const cancelledAtMs = performance.now();
    await stack.call("POST", `/api/tasks/${id}/cancel`);
    await following.ended;
    expect(performance.now() - cancelledAtMs).toBeLessThan(2_000);
    expect(phasesOf(following).at(-1)).toBe("cancelled");
  }
});

test("what is over is told and ends; what is another's, or nobody's, is 404; without identity it is 401", async () => {
  await stack.submit({
    task_id: "over",
    task_type: "simulate",
    payload: { duration_ms: 0, failure_rate: 0 },
  });
  await stack.untilEnded("over");
  const following = await follow("over");
  await following.ended;
  expect(phasesOf(following)).toEqual(["done"]);
  const stranger = await stack.signUp("stranger@example.org");
  expect((await follow("over", stranger)).status).toBe(404);
  expect((await follow("nobody")).status).toBe(404);
  expect((await follow("over", "nonsense")).status).toBe(401);
});

test("a hundred followers of one task are all told its end", async () => {
  await stack.submit({
    task_id: "watched",
    task_type: "simulate",
    payload: { duration_ms: 1_000, failure_rate: 0 },
    delay: 1,
  });
  const all = await Promise.all(Array.from({ length: 100 }, () => follow("watched")));
  await Promise.all(all.map(({ ended }) => ended));
  expect(all.map((following) => phasesOf(following).at(-1))).toEqual(all.map(() => "done"));
});

test("an api that is told to stop ends its streams at once, and whoever follows goes on with its successor", async () => {
  await stack.submit({
    task_id: "drained",
    task_type: "simulate",
    payload: { duration_ms: 3_000, failure_rate: 0 },
    delay: 2,
  });
  const following = await follow("drained");
  await untilTrue(() => following.events.length > 0, 5_000);
  const stoppedAtMs = performance.now();
  const stopping = await stack.pidOf("api");
  process.kill(stopping, "SIGTERM");
  await following.ended;
  expect(performance.now() - stoppedAtMs).toBeLessThan(1_000);
  // Until then the one that stops may still answer, with a stream that ends at once.
  const hasSuccessor = async () =>
    (await stack.run()).processes.some(({ name, pid }) => name === "api" && pid !== stopping);
  await untilTrue(hasSuccessor, 20_000, "a successor");
  let again: Following | undefined;
  await untilTrue(async () => {
    again = await follow("drained").catch(() => undefined);
    return again?.status === 200;
  }, 20_000);
  await again?.ended;
  if (again === undefined) throw new Error("nobody answered");
  expect(phasesOf(again).at(-1)).toBe("done");
}, 40_000);
