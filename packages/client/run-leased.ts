import type { Clock } from "./clock.ts";
import { ApiError } from "./errors.ts";
import { doublingWaitMs, isPassing } from "./retry.ts";
import type { Json } from "./types.ts";
import type { LeasedTask, LeaseFailure } from "./worker-types.ts";
import { traceHeaders, type WorkersClient } from "./workers.ts";

/** Thrown by a handler that knows more about its failure than a message says. */
export class TaskFailure extends Error {
  override readonly name = "TaskFailure";
  readonly failure: LeaseFailure;

  constructor(message: string, failure: Omit<LeaseFailure, "message"> = {}) {
    super(message);
    this.failure = { ...failure, message };
  }
}

/** Why an attempt's signal was aborted. */
export class AttemptStopped extends Error {
  override readonly name = "AttemptStopped";
  readonly why: "cancelled" | "lost" | "stopped";

  constructor(why: AttemptStopped["why"]) {
    super(`the attempt was ${why}`);
    this.why = why;
  }
}

export interface HandlerContext {
  /** Aborts when the task was cancelled, its lease was lost, or the worker has to leave. */
  readonly signal: AbortSignal;
  /** 0 … 1, with a note for people. May be called as often as one likes. */
  progress(share: number, note?: string): void;
  /** `traceparent`, and maybe `tracestate`, for what the handler calls. Empty when the task's trace is not recorded. */
  readonly traceHeaders: Readonly<Record<string, string>>;
}

/** Runs one attempt; what it returns is the result. Whatever it throws is a failure, which is tried again. */
export type Handler<Payload = never> = (
  task: LeasedTask<Payload>,
  context: HandlerContext,
) => Promise<Json | undefined> | Json | undefined;

export interface LeasedRun {
  readonly workers: WorkersClient;
  readonly clock: Clock;
  readonly random: () => number;
  readonly task: LeasedTask;
  readonly handler: Handler;
  readonly abort: AbortController;
  readonly leaseMs: number;
  /** How long the end of an attempt is tried to be told while the API is away. */
  readonly awayMsMax: number;
  readonly onTrouble: (doing: string, error: unknown) => void;
}

/** Between two words about progress. */
const TELL_MS = 500;
/** An attempt that was stopped gets this long to end. */
const STOP_GRACE_MS = 5_000;
const WAIT_MS_MAX = 5_000;
const MESSAGE_CHARS_MAX = 2_000;

/** Runs one leased task and keeps its lease. Never rejects; the slot is free when it resolves. */
export async function runLeased(run: LeasedRun): Promise<void> {
  const { task, abort, workers, onTrouble } = run;
  const keeper = keepLease(run);
  try {
    const end = await attempt(run, keeper);
    if (abort.signal.aborted) return; // Nobody wants to know: cancelled, lost, or given back as a whole.
    await untilTold(run, () =>
      "failure" in end ? workers.fail(task, end.failure) : workers.complete(task, end.result),
    );
  } catch (error) {
    onTrouble(`end ${task.task_id}`, error);
    if (isTooMuch(error)) await refuseResult(run, error);
  } finally {
    keeper.stop();
  }
}

type End = { readonly result: Json } | { readonly failure: LeaseFailure };

async function attempt({ task, handler, abort }: LeasedRun, keeper: Keeper): Promise<End> {
  const { signal } = abort;
  const stopped = Promise.withResolvers<End>();
  const onAbort = (): void => {
    const failure = { message: "the attempt was stopped" };
    grace = setTimeout(() => stopped.resolve({ failure }), STOP_GRACE_MS);
  };
  let grace: ReturnType<typeof setTimeout> | undefined;
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    // The worker registered for this type with this handler; what its payload is, they agree on.
    const context = { signal, progress: keeper.tell, traceHeaders: traceHeaders(task) };
    const running = Promise.resolve().then(() => handler(task as never, context));
    const ran = running.then((result) => ({ result: result ?? null }));
    return await Promise.race([ran, stopped.promise]);
  } catch (error) {
    return { failure: failureOf(error) };
  } finally {
    clearTimeout(grace);
    signal.removeEventListener("abort", onAbort);
  }
}

function failureOf(error: unknown): LeaseFailure {
  if (error instanceof TaskFailure)
    return { ...error.failure, message: error.message.slice(0, MESSAGE_CHARS_MAX) };
  const message = error instanceof Error ? error.message : String(error);
  return { code: "HANDLER_ERROR", message: message.slice(0, MESSAGE_CHARS_MAX) };
}

/** The work is done, and only this process knows: it is told until the API has heard it, or for long enough. */
async function untilTold(
  { clock, random, awayMsMax, onTrouble }: LeasedRun,
  tell: () => Promise<unknown>,
): Promise<void> {
  const untilMs = clock.nowMs() + awayMsMax;
  for (let tries = 1; ; tries += 1) {
    try {
      await tell();
      return;
    } catch (error) {
      const isFinal = error instanceof ApiError && !isPassing(error.status) && error.status < 500;
      if (isFinal || clock.nowMs() >= untilMs) throw error;
      onTrouble("tell the end of a task", error);
      await clock.sleep(doublingWaitMs(tries, random, WAIT_MS_MAX), undefined);
    }
  }
}

function isTooMuch(error: unknown): boolean {
  return error instanceof ApiError && (error.status === 413 || error.status === 422 || error.status === 400);
}

/** A result that the API does not take never will be: another attempt would make the same. */
async function refuseResult({ workers, task, onTrouble }: LeasedRun, error: unknown): Promise<void> {
  const message = `the result was refused: ${error instanceof Error ? error.message : error}`;
  const failure = { code: "RESULT_REFUSED", message: message.slice(0, MESSAGE_CHARS_MAX), retryable: false };
  await workers.fail(task, failure).catch((cause: unknown) => onTrouble(`fail ${task.task_id}`, cause));
}

interface Keeper {
  readonly tell: HandlerContext["progress"];
  stop(): void;
}

/** Extends the lease by a timer, and with each word about progress; stops the attempt when it is lost or cancelled. */
function keepLease({ workers, task, abort, leaseMs, onTrouble }: LeasedRun): Keeper {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let told: { progress?: number; note?: string } = {};
  let isNew = false;
  let isStopped = false;
  let lastMs = Number.NEGATIVE_INFINITY;
  const later = (delayMs: number): void => {
    clearTimeout(timer);
    if (!isStopped) timer = setTimeout(() => void extend(), delayMs);
  };
  const extend = async (): Promise<void> => {
    isNew = false;
    lastMs = performance.now();
    try {
      const { cancelled } = await workers.progress(task, told, { signal: abort.signal });
      if (cancelled) abort.abort(new AttemptStopped("cancelled"));
    } catch (error) {
      if (error instanceof ApiError && error.code === "LEASE_LOST") abort.abort(new AttemptStopped("lost"));
      else if (!isStopped && !abort.signal.aborted) onTrouble(`extend the lease of ${task.task_id}`, error);
    }
    if (!abort.signal.aborted) later(isNew ? TELL_MS : leaseMs / 3);
  };
  later(leaseMs / 3);
  return {
    tell: (share, note) => {
      const progress = Math.min(1, Math.max(0, Number.isFinite(share) ? share : 0));
      told = { progress, ...(note !== undefined && { note: note.slice(0, 200) }) };
      if (isNew || isStopped) return;
      isNew = true;
      later(Math.max(0, lastMs + TELL_MS - performance.now()));
    },
    stop: () => {
      isStopped = true;
      clearTimeout(timer);
    },
  };
}
