import { setTimeout as sleep } from "node:timers/promises";
import { ApiError, type Attempt, type Client, hasEnded, type Task, UnreachableError } from "@millrace/client";
import { DRILLS, type DrillName } from "./drills.ts";
import { type DrillReport, hasPassed, judgeEvents, judgeTasks, recoveredAfterMs } from "./report.ts";
import { LOAD_STEPS, sendLoad, type Taken } from "./send-load.ts";
import type { Blow } from "./strike.ts";

export interface DrillPlan {
  readonly name: DrillName;
  /** Begins the ids of all tasks, and is the source of all events. */
  readonly run: string;
  readonly tasks: number;
  readonly events: number;
  readonly seconds: number;
  /** What is done to the stack once a third of the load was sent. */
  readonly strike: (() => Promise<Blow>) | null;
}

export interface DrillStage {
  readonly client: Client;
  readonly tell: (text: string) => void;
  readonly signal: AbortSignal;
}

/** A burst brings so many times the load, all at once. */
const BURST = 10;
/** What has not ended by then is lost, as far as anybody who waits is concerned. */
const SETTLE_MS_MAX = 180_000;
const LOOK_EVERY_MS = 500;
const PAGE_TASKS = 1_000;
/** Tasks of others may stand between ours. */
const PAGES_SPARE = 20;
/** Calls at a time when single tasks are asked for. */
const CALLS_SIDE_BY_SIDE = 8;

/** Sends load, strikes, waits until everything has settled, and counts. Throws when the stack does not come back. */
export async function runDrill(plan: DrillPlan, stage: DrillStage): Promise<DrillReport> {
  const began = new Date();
  const times = plan.name === "burst" ? BURST : 1;
  const load = {
    run: plan.run,
    tasks: plan.tasks * times,
    events: plan.events * times,
    overMs: plan.name === "burst" ? 0 : plan.seconds * 1_000,
  };
  let blow: Blow | undefined;
  const onStep = async (step: number): Promise<void> => {
    stage.tell(`${Math.round((100 * step) / LOAD_STEPS)} % of the load is sent`);
    if (step !== Math.floor(LOAD_STEPS / 3) || plan.strike === null) return;
    blow = await plan.strike();
    stage.tell(blow.what);
  };
  const taken = await sendLoad(stage.client, load, { signal: stage.signal, onStep });
  return await judge(plan, stage, { began, taken, blow });
}

interface Done {
  readonly began: Date;
  readonly taken: Taken;
  readonly blow: Blow | undefined;
}

async function judge(plan: DrillPlan, stage: DrillStage, { began, taken, blow }: Done): Promise<DrillReport> {
  const tasks = await settledTasks(stage, taken.taskIds);
  const stored = await storedEvents(stage, { run: plan.run, began, accepted: taken.events });
  const attempts = await attemptsOf(
    stage,
    [...tasks.values()].filter((task) => task.attempts > 1),
  );
  const ledger = await patiently(stage, () => stage.client.events.ledger({ from: began.toISOString() }));
  const report = {
    drill: plan.name,
    run: plan.run,
    what: blow?.what ?? DRILLS[plan.name].summary,
    began_at: began.toISOString(),
    struck_at: blow?.at.toISOString() ?? null,
    tasks: judgeTasks(taken.taskIds, tasks, attempts),
    events: judgeEvents(taken.events, stored),
    repeated_requests: taken.repeatedRequests,
    recovered_after_ms: recoveredAfterMs(tasks.values(), blow?.at ?? null),
    ledger_is_even: ledger.is_even,
  };
  return { ...report, passed: hasPassed(report) };
}

/** All of them as they were seen last: ended, or not ended in time. */
async function settledTasks(stage: DrillStage, ids: readonly string[]): Promise<ReadonlyMap<string, Task>> {
  const deadlineMs = performance.now() + SETTLE_MS_MAX;
  const wanted = new Set(ids);
  for (;;) {
    const seen = await patiently(stage, () => lookAt(stage, wanted));
    const ended = [...seen.values()].filter(hasEnded).length;
    stage.tell(`${ended} of ${ids.length} tasks have ended`);
    if (ended === ids.length || performance.now() > deadlineMs) return seen;
    await sleep(LOOK_EVERY_MS, undefined, { signal: stage.signal });
  }
}

async function lookAt(
  { client, signal }: DrillStage,
  wanted: ReadonlySet<string>,
): Promise<Map<string, Task>> {
  const seen = new Map<string, Task>();
  const pagesMax = Math.ceil(wanted.size / PAGE_TASKS) + PAGES_SPARE;
  let cursor: string | null = null;
  for (let page = 0; page < pagesMax && seen.size < wanted.size; page += 1) {
    const filter = cursor === null ? { limit: PAGE_TASKS } : { limit: PAGE_TASKS, cursor };
    const { items, next_cursor: next } = await client.tasks.list(filter, { signal });
    for (const task of items) if (wanted.has(task.task_id)) seen.set(task.task_id, task);
    if (next === null) break;
    cursor = next;
  }
  return seen;
}

/** Rows of this run's source; waits until there are as many as were accepted. */
async function storedEvents(
  stage: DrillStage,
  { run, began, accepted }: { readonly run: string; readonly began: Date; readonly accepted: number },
): Promise<number> {
  const deadlineMs = performance.now() + SETTLE_MS_MAX;
  for (;;) {
    const { buckets } = await patiently(stage, () =>
      stage.client.events.histogram({ source: run, from: began.toISOString(), interval: "1m" }),
    );
    const stored = buckets.reduce((sum, { total }) => sum + total, 0);
    stage.tell(`${stored} of ${accepted} events are stored`);
    if (stored >= accepted || performance.now() > deadlineMs) return stored;
    await sleep(LOOK_EVERY_MS, undefined, { signal: stage.signal });
  }
}

async function attemptsOf(
  stage: DrillStage,
  tasks: readonly Task[],
): Promise<ReadonlyMap<string, readonly Attempt[]>> {
  const found = new Map<string, readonly Attempt[]>();
  const next = tasks.values();
  const ask = async (): Promise<void> => {
    for (const { task_id: id } of next)
      found.set(id, await patiently(stage, () => stage.client.tasks.attempts(id, { signal: stage.signal })));
  };
  await Promise.all(Array.from({ length: CALLS_SIDE_BY_SIDE }, ask));
  return found;
}

/** A stack that was just struck may not answer at once. */
async function patiently<T>({ signal }: DrillStage, ask: () => Promise<T>): Promise<T> {
  const deadlineMs = performance.now() + SETTLE_MS_MAX;
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      const mayHeal = error instanceof UnreachableError || (error instanceof ApiError && error.status >= 500);
      if (!mayHeal || signal.aborted || performance.now() > deadlineMs) throw error;
      await sleep(LOOK_EVERY_MS, undefined, { signal });
    }
  }
}
