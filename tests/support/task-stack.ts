import { join } from "node:path";
import { type Bus, connectBus } from "@millrace/bus";
import { openPool, type Sql } from "@millrace/store";
import { type Answer, type RunningStack, startStack, untilTrue } from "./running-stack.ts";

/** The whole product, and what a story about tasks looks at: the API, the rows, the streams, the logs. */
export interface TaskStack extends RunningStack {
  readonly apiUrl: string;
  readonly apiKey: string;
  readonly sql: Sql;
  readonly bus: Bus;
  /** A request as it is: the body is sent untouched, and nobody is identified who does not say so. */
  raw(method: string, path: string, request?: RawRequest): Promise<Answer>;
  /** Registers a user and logs in; the answer is an access token. */
  signUp(email: string): Promise<string>;
  /** Submits one task that must be taken, and answers with it. */
  submit(wish: TaskWish): Promise<Answer["body"]>;
  /** Submits tasks that must all be taken, in one batch for each 10 000. */
  submitAll(wishes: readonly TaskWish[]): Promise<void>;
  show(taskId: string): Promise<Answer["body"]>;
  /** Waits until the task has completed, failed or been cancelled, and answers with it. */
  untilEnded(taskId: string, deadlineMs?: number): Promise<Answer["body"]>;
  /** Waits until the task stands in this phase. */
  untilPhase(taskId: string, phase: string, deadlineMs?: number): Promise<Answer["body"]>;
  /** Waits until nothing is open any more whose id starts with the prefix. */
  untilNoneOpen(prefix: string, deadlineMs: number): Promise<void>;
  /** The JSON lines that a process has logged so far. */
  logOf(name: string): Promise<readonly Readonly<Record<string, unknown>>[]>;
  close(): Promise<void>;
}

export interface RawRequest {
  readonly headers?: Readonly<Record<string, string>>;
  readonly token?: string;
  readonly body?: string | Uint8Array<ArrayBuffer>;
}

export interface TaskWish {
  readonly task_type: string;
  readonly [field: string]: unknown;
}

const BATCH = 10_000;
const ENDED = new Set(["completed", "failed", "cancelled"]);

export async function startTaskStack(env: Readonly<Record<string, string>> = {}): Promise<TaskStack> {
  const stack = await startStack(env);
  const { api_url: apiUrl, api_key: apiKey, database_url: url, nats_url: natsUrl } = await stack.run();
  const sql = openPool({ url, max: 2, applicationName: "test" });
  const bus = await connectBus({ urls: [natsUrl], name: "test" });
  const raw = rawCaller(apiUrl);
  const show = async (taskId: string) => (await stack.call("GET", `/api/tasks/${taskId}`)).body;
  const untilTask = async (
    taskId: string,
    isThere: (task: Answer["body"]) => boolean,
    deadlineMs: number,
  ) => {
    let task = await show(taskId);
    try {
      const isThereNow = async (): Promise<boolean> => {
        if (!isThere(task)) task = await show(taskId);
        return isThere(task);
      };
      await untilTrue(isThereNow, deadlineMs);
    } catch (cause) {
      throw new Error(`the task is still ${JSON.stringify(task)}`, { cause });
    }
    return task;
  };
  return {
    ...stack,
    apiUrl,
    apiKey,
    sql,
    bus,
    raw,
    signUp: (email) => signUp(raw, email),
    submit: async (wish) => {
      const { status, body } = await stack.call("POST", "/api/tasks", wish);
      if (status !== 201 && status !== 200) throw new Error(`not taken: ${JSON.stringify(body)}`);
      return body;
    },
    submitAll: async (wishes) => {
      for (let start = 0; start < wishes.length; start += BATCH) {
        const { body } = await stack.call("POST", "/api/tasks/batch", wishes.slice(start, start + BATCH));
        if (body.rejected !== 0)
          throw new Error(`not all were taken: ${JSON.stringify(body).slice(0, 2_000)}`);
      }
    },
    show,
    untilEnded: (taskId, deadlineMs = 10_000) =>
      untilTask(taskId, (task) => ENDED.has(task.status), deadlineMs),
    untilPhase: (taskId, phase, deadlineMs = 10_000) =>
      untilTask(taskId, (task) => task.phase === phase, deadlineMs),
    untilNoneOpen: (prefix, deadlineMs) => untilNoneOpen(sql, prefix, deadlineMs),
    logOf: (name) => readLog(join(stack.home, "logs", `${name}.log`)),
    close: async () => {
      await bus.connection.close();
      await sql.end({ timeout: 1 });
      await stack.stop();
    },
  };
}

type Raw = TaskStack["raw"];

function rawCaller(apiUrl: string): Raw {
  return async (method, path, { headers = {}, token, body } = {}) => {
    // The path goes out as it stands: `new URL` would tidy up what a hostile client has not.
    const response = await fetch(`${apiUrl}${path}`, {
      method,
      headers: { ...(token !== undefined && { Authorization: `Bearer ${token}` }), ...headers },
      ...(body !== undefined && { body }),
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, body: parsed(text) };
  };
}

function parsed(text: string): unknown {
  try {
    return text === "" ? null : JSON.parse(text);
  } catch {
    return text;
  }
}

async function signUp(raw: Raw, email: string): Promise<string> {
  const body = JSON.stringify({ email, password: "only for tests 1" });
  const headers = { "Content-Type": "application/json" };
  const registered = await raw("POST", "/api/auth/register", { headers, body });
  if (registered.status !== 201) throw new Error(`not registered: ${JSON.stringify(registered.body)}`);
  const { body: tokens } = await raw("POST", "/api/auth/login", { headers, body });
  if (typeof tokens?.access_token !== "string") throw new Error(`no login: ${JSON.stringify(tokens)}`);
  return tokens.access_token;
}

async function untilNoneOpen(sql: Sql, prefix: string, deadlineMs: number): Promise<void> {
  const pattern = `${prefix.replace(/[\\%_]/g, "\\$&")}%`;
  let open = 0;
  const isDone = async (): Promise<boolean> => {
    const [row] = await sql<{ open: number }[]>`
      select count(*)::integer as open from open_tasks o join tasks t using (seq) where t.task_id like ${pattern}`;
    open = row?.open ?? 0;
    return open === 0;
  };
  try {
    await untilTrue(isDone, deadlineMs);
  } catch (cause) {
    throw new Error(`${open} tasks ${prefix}… are still open after ${deadlineMs} ms`, { cause });
  }
}

async function readLog(path: string): Promise<readonly Readonly<Record<string, unknown>>[]> {
  const file = Bun.file(path);
  if (!(await file.exists())) return [];
  return (await file.text()).split("\n").flatMap((line) => {
    const value = parsed(line.slice(line.indexOf("{")));
    return typeof value === "object" && value !== null ? [value as Record<string, unknown>] : [];
  });
}

export function median(samples: readonly number[]): number {
  const sorted = samples.toSorted((a, b) => a - b);
  const middle = sorted[Math.floor(sorted.length / 2)];
  if (middle === undefined) throw new Error("a median of nothing");
  return middle;
}
