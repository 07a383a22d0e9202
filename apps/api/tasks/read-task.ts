import {
  type AskedLane,
  type FieldProblem,
  findListProblem,
  hasTemplates,
  type Json,
  templateProblems,
} from "@millrace/core";
import {
  ATTEMPTS_DEFAULT,
  BACKOFF_FACTOR_DEFAULT,
  BACKOFF_INITIAL_MS_DEFAULT,
  BACKOFF_MAX_MS_DEFAULT,
  DELAY_S_MAX,
  JSON_DEPTH_MAX,
  PAYLOAD_BYTES_MAX,
  PRIORITY_DEFAULT,
  SHORT_LANE_TIMEOUT_S_MAX,
} from "@millrace/core/limits";
import type { BackoffWords } from "@millrace/protocol";
import { FILE_TASK_TYPE } from "@millrace/protocol/file-operations/index";
import { BUILT_IN_TASK_TYPES, type BuiltInTaskType } from "@millrace/protocol/task-types/index";
import type { NewTask } from "@millrace/store";
import { readDedup } from "./read-dedup.ts";
import type { TaskWish } from "./task-wish.ts";

export interface TaskRules {
  /** Time-outs of tasks that name none, in seconds. */
  readonly timeoutS: Readonly<Record<AskedLane, number>>;
  readonly nowMs: () => number;
  readonly makeTaskId: () => string;
}

export interface Submitter {
  readonly ownerId: number;
  readonly correlationId: string;
  /** Of the request, where its trace is recorded. */
  readonly traceContext?: string | undefined;
  /** Bytes of the request that the task came in: a payload within a small one needs no measuring. */
  readonly requestBytes: number;
}

export type TaskReading =
  | { readonly ok: true; readonly task: NewTask }
  | {
      readonly ok: false;
      readonly code: "VALIDATION_FAILED" | "PAYLOAD_TOO_LARGE";
      readonly errors: readonly FieldProblem[];
    };

/** Fills in what a wish leaves open, and checks the rules that no schema can say. */
export function readTask(wish: TaskWish, submitter: Submitter, rules: TaskRules): TaskReading {
  const payload = (wish.payload === undefined ? {} : wish.payload) as Json; // It came out of JSON.parse.
  if (submitter.requestBytes > PAYLOAD_BYTES_MAX && isTooLarge(payload))
    return { ok: false, code: "PAYLOAD_TOO_LARGE", errors: [TOO_LARGE] };
  const builtIn = BUILT_IN_TASK_TYPES.get(wish.task_type);
  const errors = [...payloadProblems(payload, builtIn)];
  if (wish.task_type === FILE_TASK_TYPE) errors.push(NOT_BY_HAND);
  const dependencies = wish.dependencies ?? [];
  errors.push(...dependencyProblems(wish.task_id, dependencies));
  if (!errors.includes(TOO_DEEP) && hasTemplates(payload))
    errors.push(...templateProblems(payload, new Set(dependencies)));
  const lane = wish.lane ?? laneFor(payload, builtIn, wish.timeout);
  const timeoutS = wish.timeout ?? rules.timeoutS[lane];
  if (lane === "short" && timeoutS > SHORT_LANE_TIMEOUT_S_MAX)
    errors.push({
      path: "/timeout",
      message: `must be at most ${SHORT_LANE_TIMEOUT_S_MAX} s in the short lane`,
    });
  if (wish.ttl !== undefined && dependencies.length > 0)
    errors.push({ path: "/ttl", message: "must not stand beside dependencies: when they end is not known" });
  const dedup = readDedup(wish, errors);
  const runAt =
    dedup?.kind === "debounce" ? after(rules.nowMs(), dedup.seconds) : readRunAt(wish, rules.nowMs(), errors);
  const backoff = readBackoff(wish.backoff, errors);
  if (errors.length > 0) return { ok: false, code: "VALIDATION_FAILED", errors };
  return {
    ok: true,
    task: {
      task_id: wish.task_id ?? rules.makeTaskId(),
      task_type: wish.task_type,
      owner_id: submitter.ownerId,
      lane,
      priority: wish.priority ?? PRIORITY_DEFAULT,
      payload,
      ...graphOf(wish),
      timeout_s: Math.ceil(timeoutS),
      max_attempts: wish.max_attempts ?? ATTEMPTS_DEFAULT,
      backoff,
      run_at: runAt,
      tenant: wish.tenant ?? null,
      ...(wish.ttl !== undefined && { ttl_s: wish.ttl }),
      ...(dedup !== undefined && { dedup }),
      correlation_id: submitter.correlationId,
      ...(submitter.traceContext !== undefined && { trace_context: submitter.traceContext }),
    },
  };
}

const NOT_BY_HAND: FieldProblem = {
  path: "/task_type",
  message: `must not be ${FILE_TASK_TYPE}: such tasks are made by uploads; send the file to POST /api/files`,
};
function dependencyProblems(
  id: string | undefined,
  dependencies: readonly string[],
): readonly FieldProblem[] {
  const problem = findListProblem(id, dependencies);
  if (problem === null) return [];
  const message = problem.kind === "self" ? "is the task itself" : "is listed twice";
  return [{ path: `/dependencies/${problem.index}`, message: `${message}: ${dependencies[problem.index]}` }];
}

function graphOf({ dependencies = [], on_parent_failure }: TaskWish) {
  if (dependencies.length === 0) return { dependencies: null };
  return { dependencies, ...(on_parent_failure === "run" && { on_parent_failure }) };
}

export const TOO_LARGE: FieldProblem = {
  path: "/payload",
  message: `must have at most ${PAYLOAD_BYTES_MAX} bytes; larger input belongs into a file`,
};
const TOO_DEEP: FieldProblem = {
  path: "/payload",
  message: `must not nest deeper than ${JSON_DEPTH_MAX} levels`,
};

/** What is wrong with a payload, beside its size. */
export function payloadProblems(payload: Json, type: BuiltInTaskType | undefined): readonly FieldProblem[] {
  return isDeeperThan(payload, JSON_DEPTH_MAX) ? [TOO_DEEP] : (type?.check(payload) ?? []);
}

export function isTooLarge(payload: Json): boolean {
  return Buffer.byteLength(JSON.stringify(payload)) > PAYLOAD_BYTES_MAX;
}

/**
 * Who asks for more time than the short lane gives wants the long one, whatever the type. A type that nobody here knows
 * may take long: only a time-out that says otherwise puts it among the short ones.
 */
function laneFor(payload: Json, type: BuiltInTaskType | undefined, timeoutS: number | undefined): AskedLane {
  if (timeoutS !== undefined && timeoutS > SHORT_LANE_TIMEOUT_S_MAX) return "long";
  return type?.laneFor(payload) ?? (timeoutS === undefined ? "long" : "short");
}

export function isDeeperThan(value: Json, depthMax: number): boolean {
  if (typeof value !== "object" || value === null) return false;
  if (depthMax === 0) return true;
  for (const child of Object.values(value)) if (isDeeperThan(child, depthMax - 1)) return true;
  return false;
}

/** RFC 3339, section 5.6; `Date.parse` alone would take "1" and "next tuesday 5". */
const RFC_3339 = /^(\d{4}-\d{2}-\d{2})[Tt]([01]\d|2[0-3]):\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:\d{2})$/;

/** NaN when it is no time. `Date.parse` takes the 31st of June for the 1st of July, so the day is looked at by itself. */
export function parseTime(text: string): number {
  const day = RFC_3339.exec(text)?.[1];
  if (day === undefined) return Number.NaN;
  const midnight = new Date(`${day}T00:00:00Z`);
  const isDay = !Number.isNaN(midnight.getTime()) && midnight.toISOString().startsWith(day);
  return isDay ? Date.parse(text) : Number.NaN;
}

function after(nowMs: number, seconds: number): string {
  return new Date(nowMs + seconds * 1000).toISOString();
}

function readRunAt(wish: TaskWish, nowMs: number, errors: FieldProblem[]): string | null {
  const { run_at: runAt, delay } = wish;
  if (runAt === undefined) return delay === undefined || delay === 0 ? null : after(nowMs, delay);
  if (delay !== undefined) errors.push({ path: "/delay", message: "must not stand beside run_at" });
  const atMs = parseTime(runAt);
  if (Number.isNaN(atMs)) {
    errors.push({ path: "/run_at", message: "must be a time such as 2026-03-01T09:30:00Z" });
    return null;
  }
  // PostgreSQL has no year 0, and would fail the whole group commit over it.
  if (atMs < 0) errors.push({ path: "/run_at", message: "must not lie before 1970" });
  if (atMs > nowMs + DELAY_S_MAX * 1000)
    errors.push({ path: "/run_at", message: `must lie at most ${DELAY_S_MAX / 86_400} days ahead` });
  return new Date(atMs).toISOString();
}

function readBackoff(wish: TaskWish["backoff"], errors: FieldProblem[]): BackoffWords {
  if (wish === undefined) return BACKOFF_DEFAULT;
  const initialMs = wish.initial_ms ?? BACKOFF_INITIAL_MS_DEFAULT;
  const maxMs = wish.max_ms ?? Math.max(initialMs, BACKOFF_MAX_MS_DEFAULT);
  if (initialMs > maxMs)
    errors.push({ path: "/backoff/max_ms", message: "must not be less than initial_ms" });
  return {
    initial_ms: initialMs,
    factor: wish.factor ?? BACKOFF_FACTOR_DEFAULT,
    max_ms: maxMs,
    jitter: wish.jitter ?? true,
  };
}

const BACKOFF_DEFAULT: BackoffWords = {
  initial_ms: BACKOFF_INITIAL_MS_DEFAULT,
  factor: BACKOFF_FACTOR_DEFAULT,
  max_ms: BACKOFF_MAX_MS_DEFAULT,
  jitter: true,
};
