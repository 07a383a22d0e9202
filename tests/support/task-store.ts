import type { Settlement } from "@millrace/store";
import { claimAttempts, type NewTask, openPool, type Sql, submitTasks } from "@millrace/store";
import { freshDatabase } from "./servers.ts";

/** The store of tasks on a database of its own, as the worker opens it. */
export interface TaskStore {
  readonly sql: Sql;
  readonly url: string;
  close(): Promise<void>;
}

export async function openTaskStore(connections = 4): Promise<TaskStore> {
  const database = await freshDatabase({ migrated: true });
  const sql = openPool({
    url: database.url,
    max: connections,
    applicationName: "millrace-test",
    statementTimeoutMs: 20_000,
    isByKey: true,
  });
  return {
    sql,
    url: database.url,
    close: async () => {
      await sql.end({ timeout: 1 });
      await database.drop();
    },
  };
}

export function newTask(overrides: Partial<NewTask> = {}): NewTask {
  return {
    task_id: Bun.randomUUIDv7(),
    task_type: "simulate",
    owner_id: 1,
    lane: "short",
    priority: 5,
    payload: {},
    dependencies: null,
    timeout_s: 30,
    max_attempts: 3,
    backoff: { initial_ms: 1, factor: 2, max_ms: 10, jitter: true },
    run_at: null,
    tenant: null,
    correlation_id: "correlation-1",
    ...overrides,
  };
}

/** Submits one task that must be new. */
export async function submitOne(sql: Sql, overrides: Partial<NewTask> = {}): Promise<number> {
  const [seq] = await submitMany(sql, [newTask(overrides)]);
  if (seq === undefined) throw new Error("nothing was stored");
  return seq;
}

/** Submits tasks that must all be new; the ids in their order. */
export async function submitMany(sql: Sql, tasks: readonly NewTask[]): Promise<readonly number[]> {
  return (await submitTasks(sql, tasks)).map((answer, index) => {
    if (answer.kind !== "stored") throw new Error(`${tasks[index]?.task_id} is ${answer.kind}`);
    return answer.seq;
  });
}

/** Submits one task and claims its first attempt. */
export async function submitClaimed(
  sql: Sql,
  session: string,
  overrides: Partial<NewTask> = {},
): Promise<number> {
  const seq = await submitOne(sql, overrides);
  const [answer] = await claimAttempts(sql, session, [{ seq, attempt: 1 }]);
  if (answer?.kind !== "claimed") throw new Error(`the claim was answered ${answer?.kind}`);
  return seq;
}

export function completion(seq: number, attempt = 1): Settlement {
  return { seq, attempt, kind: "completed", result: { ok: true } };
}

export function failure(seq: number, attempt = 1, delayMs = 0): Settlement {
  return { seq, attempt, kind: "failed", error_code: "BOOM", error_message: "it failed", delay_ms: delayMs };
}

export function death(seq: number, attempt = 1): Settlement {
  return { seq, attempt, kind: "dead", error_code: "BOOM", error_message: "it failed for good" };
}
