import { describe, expect, test } from "bun:test";
import { simulatedFailure } from "@millrace/core";
import type { TaskPorts } from "@millrace/worker/task-type";
import simulate from "@millrace/worker/tasks/simulate";
import { taskContext } from "../../../support/task-context.ts";

const PORTS: TaskPorts = { egress: { allowLoopback: false, allow: [] }, allowCrash: false };

/** Ports whose sleep takes no time and remembers what was asked of it. */
function fastPorts(ports: TaskPorts = PORTS) {
  const sleeps: number[] = [];
  const sleep = async (delayMs: number, signal: AbortSignal) => {
    signal.throwIfAborted();
    sleeps.push(delayMs);
  };
  return { sleeps, ports: { ...ports, sleep } };
}

test("a rate of 0 completes, and the result says how long it slept", async () => {
  const { ports, sleeps } = fastPorts();
  const outcome = await simulate(ports).run(
    taskContext({ duration_ms: 700, failure_rate: 0 }, { attempt: 3 }),
  );
  expect(outcome).toEqual({ kind: "completed", result: { slept_ms: 700, attempt: 3 } });
  expect(sleeps).toEqual([700]);
});

test("a rate of 1 fails, is worth another attempt, and says what it was told to say", async () => {
  const outcome = await simulate(PORTS).run(taskContext({ failure_rate: 1, error: "out of paper" }));
  expect(outcome).toEqual({
    kind: "failed",
    error: { code: "SIMULATED_FAILURE", message: "out of paper" },
    isRetryable: true,
  });
});

test("which of a thousand tasks fail is what the dice of core say, no more and no less", async () => {
  const type = simulate(PORTS);
  const ids = Array.from({ length: 1_000 }, (_, n) => `task-${n}`);
  const failed: string[] = [];
  for (const taskId of ids) {
    const outcome = await type.run(taskContext({ seed: 11 }, { taskId, attempt: 2 }));
    if (outcome.kind === "failed") failed.push(taskId);
  }
  const expected = ids.filter((taskId) =>
    simulatedFailure({ seed: "11", taskId, attempt: 2, failureRate: 0.3 }),
  );
  expect(failed).toEqual(expected);
  expect(failed.length).toBeGreaterThan(250);
  expect(failed.length).toBeLessThan(350);
});

test("without a seed the task's id is the seed", async () => {
  const type = simulate(PORTS);
  for (let n = 0; n < 50; n += 1) {
    const taskId = `task-${n}`;
    const outcome = await type.run(taskContext({}, { taskId }));
    const fails = simulatedFailure({ seed: taskId, taskId, attempt: 1, failureRate: 0.3 });
    expect(outcome.kind).toBe(fails ? "failed" : "completed");
  }
});

test("a long wait is slept in steps that add up, and tells its progress", async () => {
  const { ports, sleeps } = fastPorts();
  const progress: number[] = [];
  const context = taskContext(
    { duration_ms: 12_345, failure_rate: 0 },
    { reportProgress: (share) => progress.push(share) },
  );
  await simulate(ports).run(context);
  expect(sleeps.reduce((sum, sleep) => sum + sleep, 0)).toBe(12_345);
  expect(progress).toEqual([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]);
});

test("abort wakes the sleeper at once, with the signal's own reason", async () => {
  const controller = new AbortController();
  const reason = new Error("time is up");
  const startedMs = performance.now();
  const ended = simulate(PORTS).run(taskContext({ duration_ms: 60_000 }, { signal: controller.signal }));
  controller.abort(reason);
  await expect(ended).rejects.toBe(reason);
  expect(performance.now() - startedMs).toBeLessThan(500);
});

test("a real wait lasts as long as it is told", async () => {
  const startedMs = performance.now();
  await simulate(PORTS).run(taskContext({ duration_ms: 40, failure_rate: 0 }));
  expect(performance.now() - startedMs).toBeGreaterThanOrEqual(39);
});

test("a payload that makes no sense fails for good", async () => {
  const outcome = await simulate(PORTS).run(taskContext({ failure_rate: 2 }));
  expect(outcome).toMatchObject({ error: { code: "PAYLOAD_INVALID" }, isRetryable: false });
});

describe("a crash", () => {
  test("is forbidden for good where the worker does not allow it, whatever the dice say", async () => {
    const outcome = await simulate(PORTS).run(taskContext({ crash: true, failure_rate: 0 }));
    expect(outcome).toMatchObject({ kind: "failed", error: { code: "CRASH_FORBIDDEN" }, isRetryable: false });
  });

  test("kills the process where it is allowed", async () => {
    const child = spawnWorker({ crash: true });
    expect(await child.exited).not.toBe(0);
    expect(child.signalCode).toBe("SIGKILL");
  });

  test("spares the attempts that do not fail", async () => {
    expect(await spawnWorker({ crash: true, failure_rate: 0 }).exited).toBe(0);
  });
});

/** A process that runs one attempt, and ends with status 0 when it survives. */
function spawnWorker(payload: object) {
  const here = (path: string) => JSON.stringify(Bun.resolveSync(path, import.meta.dir));
  const code = `
    const { default: simulate } = await import(${here("@millrace/worker/tasks/simulate")});
    const { taskContext } = await import(${here("../../../support/task-context.ts")});
    const ports = { egress: { allowLoopback: false, allow: [] }, allowCrash: true };
    await simulate(ports).run(taskContext(${JSON.stringify(payload)}));`;
  return Bun.spawn([process.execPath, "-e", code], { stdout: "inherit", stderr: "inherit" });
}
