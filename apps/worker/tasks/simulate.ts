import { setTimeout as delay } from "node:timers/promises";
import { type AttemptOutcome, simulatedFailure } from "@millrace/core";
import { parseSimulate } from "@millrace/protocol/task-types/index";
import type { TaskContext, TaskPorts, TaskType } from "../task-type.ts";

/** Longer waits report their progress on the way. */
const PROGRESS_FROM_MS = 1_000;
const PROGRESS_STEPS = 10;

/** Waits as long as it is told, then succeeds, fails or kills its process, as the dice of (seed, task, attempt) say. */
export default function simulate(ports: TaskPorts): TaskType {
  const sleep = ports.sleep ?? sleepAbortably;
  return {
    taskType: "simulate",
    async run(context) {
      const parsed = parseSimulate(context.payload);
      if (!parsed.ok) {
        const message = parsed.errors.map((problem) => `${problem.path} ${problem.message}`).join("; ");
        return failed("PAYLOAD_INVALID", message, false);
      }
      const { durationMs, failureRate, seed, error, isCrash } = parsed.value;
      if (isCrash && !ports.allowCrash)
        return failed("CRASH_FORBIDDEN", "this worker does not allow simulated crashes", false);
      await wait(durationMs, context, sleep);
      const { taskId, attempt } = context;
      if (!simulatedFailure({ seed: seed ?? taskId, taskId, attempt, failureRate }))
        return { kind: "completed", result: { slept_ms: durationMs, attempt } };
      if (isCrash) crash(context);
      return failed("SIMULATED_FAILURE", error, true);
    },
  };
}

async function wait(
  durationMs: number,
  context: TaskContext,
  sleep: (delayMs: number, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const steps = durationMs >= PROGRESS_FROM_MS ? PROGRESS_STEPS : 1;
  for (let step = 1; step <= steps; step += 1) {
    const doneMs = Math.floor((durationMs * (step - 1)) / steps);
    await sleep(Math.floor((durationMs * step) / steps) - doneMs, context.signal);
    if (step < steps) context.reportProgress(step / steps);
  }
}

/** A timer, no CPU. The reason of the abort comes through as it is, instead of wrapped in an AbortError. */
async function sleepAbortably(delayMs: number, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  if (delayMs === 0) return;
  try {
    await delay(delayMs, undefined, { signal });
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  }
}

/** SIGKILL: nothing runs after it, no handler, no flush, as when the machine dies. */
function crash(context: TaskContext): void {
  context.log.warn("simulated crash: this process ends now");
  process.kill(process.pid, "SIGKILL");
}

function failed(code: string, message: string, isRetryable: boolean): AttemptOutcome {
  return { kind: "failed", error: { code, message }, isRetryable };
}
