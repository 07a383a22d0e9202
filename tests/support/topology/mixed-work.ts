import type { Sql } from "@millrace/store";
import { untilTrue } from "../running-stack.ts";
import type { Ended, Wish } from "./steady-load.ts";

/** What was asked, what was answered, and whether all of it came true. */
export interface MixedWork {
  readonly next: (n: number) => Wish;
  /** Requests that were not answered as they must be: by kind, status and reason. */
  failures(): Readonly<Record<string, number>>;
  /** Of these, the ones that a client may repeat: 503 with Retry-After. */
  refusals(): number;
  counts(): Counts;
  /** Waits until everything that was accepted is stored, and has run. */
  untilDone(sql: Sql): Promise<void>;
  /** What is not as it must be. */
  verdict(sql: Sql): Promise<Verdict>;
  slowestMs(): number;
}

export interface Counts {
  readonly events: number;
  readonly tasks: number;
  readonly reads: number;
}

export interface Verdict {
  readonly eventsLost: number;
  readonly eventsTwice: number;
  /** Nobody was told that they are: their answers got lost, or were 503. */
  readonly eventsStoredUnanswered: number;
  readonly tasksNotCompleted: number;
  readonly tasksCompletedTwice: number;
  readonly openTasks: number;
}

const DONE_MS_MAX = 90_000;

/** Of ten requests four are events, three tasks, two read a task that was taken in just before, one lists tasks. */
export function mixedWork(name: string): MixedWork {
  const events = new Set<number>();
  const tasks = new Set<string>();
  const failures = new Map<string, number>();
  let reads = 0;
  let refusals = 0;
  let slowestMs = 0;
  let lastTask: string | undefined;
  const wrong = (kind: string, { status, failure, headers, text }: Ended): void => {
    if (status === 503 && headers.has("retry-after")) refusals += 1;
    const what = `${kind}: ${status ?? failure} ${reasonIn(text)}`;
    failures.set(what, (failures.get(what) ?? 0) + 1);
  };
  const expecting = (kind: string, wanted: number, note: () => void) => (ended: Ended) => {
    slowestMs = Math.max(slowestMs, ended.tookMs);
    if (ended.status === wanted) note();
    else wrong(kind, ended);
  };
  const event = (n: number): Wish => ({
    ...{ method: "POST", path: "/api/events" },
    body: { type: name, message: `event ${n}`, attributes: { n } },
    onEnd: expecting("event", 202, () => events.add(n)),
  });
  const task = (n: number): Wish => {
    const task_id = `${name}-${n}`;
    const payload = { duration_ms: n % 40, failure_rate: 0 };
    return {
      ...{ method: "POST", path: "/api/tasks" },
      body: { task_id, task_type: "simulate", payload, priority: (n % 10) + 1 },
      onEnd: expecting("task", 201, () => {
        tasks.add(task_id);
        lastTask = task_id;
      }),
    };
  };
  const read = (path: string): Wish => ({
    ...{ method: "GET", path },
    onEnd: expecting("read", 200, () => {
      reads += 1;
    }),
  });
  return {
    next: (n) => {
      const kind = n % 10;
      if (kind < 4) return event(n);
      if (kind < 7) return task(n);
      return read(kind === 9 || lastTask === undefined ? "/api/tasks?limit=5" : `/api/tasks/${lastTask}`);
    },
    failures: () => Object.fromEntries(failures),
    refusals: () => refusals,
    counts: () => ({ events: events.size, tasks: tasks.size, reads }),
    slowestMs: () => Math.round(slowestMs),
    untilDone: (sql) => untilDone(sql, { name, events, tasks }),
    verdict: (sql) => judge(sql, { name, events, tasks }),
  };
}

/** Of a problem, its detail: what else stands there differs from one to the next. */
function reasonIn(text: string): string {
  return /"detail":"([^"]*)"/.exec(text)?.[1] ?? text.slice(0, 200);
}

interface Accepted {
  /** The type of its events; its tasks begin with it. */
  readonly name: string;
  readonly events: ReadonlySet<number>;
  readonly tasks: ReadonlySet<string>;
}

async function untilDone(sql: Sql, accepted: Accepted): Promise<void> {
  let last: Verdict | undefined;
  try {
    await untilTrue(async () => {
      last = await judge(sql, accepted);
      return last.eventsLost === 0 && last.tasksNotCompleted === 0 && last.openTasks === 0;
    }, DONE_MS_MAX);
  } catch (cause) {
    const open = await sql`select *, ready_at - clock_timestamp() as due_in from open_tasks limit 5`;
    throw new Error(`not all came true: ${JSON.stringify({ last, open })}`, { cause });
  }
}

async function judge(sql: Sql, { name, events, tasks }: Accepted): Promise<Verdict> {
  const stored = await sql<{ n: number; times: number }[]>`
    select (attributes->>'n')::integer as n, count(*)::integer as times from events
    where type = ${name} group by 1`;
  const completed = await sql<{ task_id: string; times: number }[]>`
    select t.task_id, count(*)::integer as times from outcomes o join tasks t using (seq)
    where o.kind = 'completed' and starts_with(t.task_id, ${`${name}-`}) group by 1`;
  const [open] = await sql<{ count: number }[]>`select count(*)::integer as count from open_tasks`;
  const storedOnce = new Set(stored.map(({ n }) => n));
  const completedOnce = new Set(completed.map(({ task_id: id }) => id));
  return {
    eventsLost: [...events].filter((n) => !storedOnce.has(n)).length,
    eventsStoredUnanswered: [...storedOnce].filter((n) => !events.has(n)).length,
    eventsTwice: stored.filter(({ times }) => times > 1).length,
    tasksNotCompleted: [...tasks].filter((id) => !completedOnce.has(id)).length,
    tasksCompletedTwice: completed.filter(({ times }) => times > 1).length,
    openTasks: open?.count ?? 0,
  };
}
