import { join } from "node:path";
import { openPool, type Sql } from "@millrace/store";
import type { Dice } from "./dice.ts";
import { onceItAnswers, retrying } from "./retrying.ts";
import { type RunningStack, startStack, untilTrue } from "./running-stack.ts";
import { scratch } from "./scratch.ts";

const PROJECT = join(import.meta.dirname, "../..");
const BATCH = 250;
const RESTARTED_MS = 30_000;
export const CHAOS_TEST_MS = 170_000;

export interface ChaosOptions {
  /** Workers beside the one that the stack keeps alive; nobody starts these again. */
  readonly extraWorkers?: number;
  readonly env?: Readonly<Record<string, string>>;
}

/** The whole product with a fake external API, made to be broken. */
export interface Chaos {
  readonly stack: RunningStack;
  readonly sql: Sql;
  readonly fakeUrl: string;
  /** worker-2 … by name. */
  readonly extraWorkers: ReadonlyMap<string, ExtraWorker>;
  addWorker(name: string, env?: Readonly<Record<string, string>>): Promise<ExtraWorker>;
  /** As a crash; resolves at once. Not an error when it is just being started again. */
  kill9(name: string): Promise<void>;
  /** The same, and waits until the supervisor has started it again. */
  crash(name: string): Promise<void>;
  /** Sends them in batches until each was answered 201 or 200, whatever breaks meanwhile. */
  submitAll(wishes: readonly Wish[]): Promise<void>;
  /** Tasks that have had their last word. */
  ended(): Promise<number>;
  untilEnded(count: number, deadlineMs?: number): Promise<void>;
  close(): Promise<void>;
}

export interface ExtraWorker {
  readonly pid: number;
  readonly process: Bun.Subprocess;
  /** What it has logged, as JSON lines. */
  log(): Promise<string>;
}

export interface Wish {
  readonly task_id: string;
  readonly task_type: string;
  readonly payload: unknown;
  readonly [field: string]: unknown;
}

export async function startChaos(options: ChaosOptions = {}): Promise<Chaos> {
  const env = { HEARTBEAT_INTERVAL: "1", MAX_WORKERS: "16", LONG_SLOTS: "2", ...options.env };
  const stack = await startStack({ ...env, WORKER_ID: "worker-1" });
  const { database_url: url } = await stack.run();
  const fakeUrl = await startFake();
  const sql = openPool({ url, max: 2, applicationName: "test" });
  const extraWorkers = new Map<string, ExtraWorker>();
  const addWorker: Chaos["addWorker"] = async (name, own = {}) => {
    const worker = await startWorker(stack, { ...env, ...own, WORKER_ID: name });
    extraWorkers.set(name, worker);
    return worker;
  };
  for (let count = 0; count < (options.extraWorkers ?? 0); count += 1) await addWorker(`worker-${count + 2}`);
  const kill9 = async (name: string): Promise<void> => {
    const extra = extraWorkers.get(name);
    const pid = extra?.pid ?? (await stack.run()).processes.find((one) => one.name === name)?.pid;
    if (pid !== undefined) killIfThere(pid);
    extraWorkers.delete(name);
  };
  return {
    stack,
    sql,
    fakeUrl,
    extraWorkers,
    addWorker,
    kill9,
    crash: async (name) => {
      const pid = await stack.pidOf(name);
      await kill9(name);
      await untilTrue(
        async () => (await stack.run()).processes.some((one) => one.name === name && one.pid !== pid),
        RESTARTED_MS,
        `another ${name}`,
      );
    },
    submitAll: (wishes) => submitAll(stack, wishes),
    ended: () => countEnded(sql),
    untilEnded: (count, deadlineMs = 60_000) => untilEnded(sql, count, deadlineMs),
    close: async () => {
      for (const worker of extraWorkers.values()) killIfThere(worker.pid);
      await sql.end({ timeout: 1 });
      await stack.stop();
    },
  };
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It died before.
  }
}

async function startWorker(stack: RunningStack, env: Readonly<Record<string, string>>): Promise<ExtraWorker> {
  const { remember, atEnd } = await scratch();
  const run = await stack.run();
  const path = join(stack.home, `${env.WORKER_ID}.log`);
  const child = Bun.spawn([process.execPath, join(PROJECT, "apps/worker/main.ts")], {
    cwd: PROJECT,
    env: {
      ...process.env,
      DATABASE_URL: run.database_url,
      NATS_URL: run.nats_url,
      NATS_MONITOR_URL: run.nats_monitor_url,
      HTTP_ALLOW_LOOPBACK: "true",
      LOG_FORMAT: "json",
      ...env,
    },
    stdout: Bun.file(path),
    stderr: "inherit",
  });
  remember("worker", child.pid);
  atEnd(async () => {
    killIfThere(child.pid);
    await child.exited;
  });
  const log = (): Promise<string> => Bun.file(path).text();
  await untilTrue(async () => (await log()).includes('"working"'), 20_000, "a second worker");
  return { pid: child.pid, process: child, log };
}

async function startFake(): Promise<string> {
  const { remember, atEnd } = await scratch();
  const child = Bun.spawn([process.execPath, join(import.meta.dirname, "fake-external-api.ts")], {
    stdout: "pipe",
    stderr: "inherit",
  });
  remember("fake-api", child.pid);
  atEnd(async () => {
    child.kill();
    await child.exited;
  });
  const { value } = await child.stdout.getReader().read();
  return new TextDecoder().decode(value).trim();
}

/** What a client does that wants each of its tasks done once: the same request again, until it is answered. */
async function submitAll(stack: RunningStack, wishes: readonly Wish[]): Promise<void> {
  for (let start = 0; start < wishes.length; start += BATCH) {
    const batch = wishes.slice(start, start + BATCH);
    await retrying("a batch is taken", async () => {
      const { status, body } = await stack.call("POST", "/api/tasks/batch", batch);
      if (status === 200 && body.rejected === 0) return true;
      if (status >= 500 && status !== 503) throw new Error(`answered ${status}: ${JSON.stringify(body)}`);
      if (status < 500) throw new Error(`refused ${status}: ${JSON.stringify(body).slice(0, 500)}`);
      return false;
    });
  }
}

async function countEnded(sql: Sql): Promise<number> {
  return await onceItAnswers(async () => {
    const [row] = await sql<{ count: number }[]>`
      select count(*)::integer as count from outcomes where kind in ('completed', 'dead', 'cancelled')`;
    return row?.count ?? 0;
  });
}

async function untilEnded(sql: Sql, count: number, deadlineMs: number): Promise<void> {
  let ended = 0;
  try {
    await untilTrue(async () => {
      ended = await countEnded(sql);
      return ended >= count;
    }, deadlineMs);
  } catch (cause) {
    const open = await sql`select *, ready_at - clock_timestamp() as due_in from open_tasks limit 5`;
    throw new Error(`${ended} of ${count} have ended; open, for example: ${JSON.stringify(open)}`, { cause });
  }
}

/** A mix: three of four simulate (a tenth of the attempts fails), the others call the fake API. */
export function mixedTasks(count: number, chaos: Pick<Chaos, "fakeUrl">, dice: Dice): readonly Wish[] {
  return Array.from({ length: count }, (_, index) => {
    const common = {
      task_id: `t-${dice.seed}-${index}`,
      priority: dice.between(1, 10),
      max_attempts: 4,
      backoff: { initial_ms: 20, factor: 2, max_ms: 200, jitter: true },
    };
    if (index % 4 !== 0)
      return {
        ...common,
        task_type: "simulate",
        payload: { duration_ms: dice.between(0, 20), failure_rate: 0.1, seed: String(dice.seed) },
      };
    const url = `${chaos.fakeUrl}/call?delay_ms=${dice.between(0, 20)}`;
    return { ...common, task_type: "http.request", payload: { url, method: "POST", body: { index } } };
  });
}
