import { setTimeout as sleep } from "node:timers/promises";
import { ApiError, type Client, type LogEvent, PartlySentError, UnreachableError } from "@millrace/client";

export interface Load {
  /** Begins every id, and is the source of every event. */
  readonly run: string;
  readonly tasks: number;
  readonly events: number;
  /** Over how long it is spread; 0: as fast as it is taken. */
  readonly overMs: number;
}

/** What the stack has said yes to. */
export interface Taken {
  readonly taskIds: readonly string[];
  readonly events: number;
  readonly repeatedRequests: number;
}

const STEPS = 40;
/** How long each simulated task runs: long enough that many run at any moment. */
const TASK_MS = 40;
/** A part of the stack that is away for longer than this has not come back. */
const PATIENCE_MS = 60_000;
const RETRY_MS = 250;

/**
 * Sends tasks and events in equal steps, and each until it is taken: with the ids and keys of the first try, so that a lost
 * answer costs nothing. Calls `onStep` before each step, with its number from 0, and waits for it.
 */
export async function sendLoad(
  client: Client,
  load: Load,
  { signal, onStep }: { readonly signal: AbortSignal; readonly onStep: (step: number) => Promise<void> },
): Promise<Taken> {
  const taskIds: string[] = [];
  let events = 0;
  let repeatedRequests = 0;
  const again = (): void => {
    repeatedRequests += 1;
  };
  for (let step = 0; step < STEPS; step += 1) {
    await onStep(step);
    const dueMs = performance.now() + load.overMs / STEPS;
    const ids = idsOf(load, step);
    await Promise.all([
      insist(() => submit(client, ids, signal), { signal, again }),
      insist(() => send(client, load, { step, signal }), { signal, again }).then((count) => {
        events += count;
      }),
    ]);
    taskIds.push(...ids);
    await sleep(Math.max(0, dueMs - performance.now()), undefined, { signal });
  }
  return { taskIds, events, repeatedRequests };
}

export { STEPS as LOAD_STEPS };

function idsOf({ run, tasks }: Load, step: number): readonly string[] {
  const from = Math.floor((tasks * step) / STEPS);
  const to = Math.floor((tasks * (step + 1)) / STEPS);
  return Array.from({ length: to - from }, (_, n) => `${run}-${String(from + n).padStart(6, "0")}`);
}

interface Step {
  readonly step: number;
  readonly signal: AbortSignal;
}

async function submit(client: Client, ids: readonly string[], signal: AbortSignal): Promise<void> {
  if (ids.length === 0) return;
  const payload = { duration_ms: TASK_MS, failure_rate: 0 };
  const wishes = ids.map((id) => ({ task_id: id, task_type: "simulate", payload, max_attempts: 10 }));
  const { rejected, items } = await client.tasks.submitBatch(wishes, { signal });
  if (rejected === 0) return;
  const [first] = items.flatMap(({ problem }) => problem ?? []);
  throw new Error(`a task was refused: ${first?.code}: ${first?.detail}`);
}

async function send(client: Client, load: Load, { step, signal }: Step): Promise<number> {
  const { run, events } = load;
  const count = Math.floor((events * (step + 1)) / STEPS) - Math.floor((events * step) / STEPS);
  if (count === 0) return 0;
  const lines: LogEvent[] = Array.from({ length: count }, (_, n) => ({
    type: "drill",
    source: run,
    message: `step ${step}, event ${n}`,
  }));
  const { accepted } = await client.events.send(lines, { idempotencyKey: `${run}-${step}`, signal });
  return accepted;
}

interface Insistence {
  readonly signal: AbortSignal;
  readonly again: () => void;
}

/** Until it is taken. Throws what will not heal, and what has not healed within a minute. */
async function insist<T>(work: () => Promise<T>, { signal, again }: Insistence): Promise<T> {
  const deadlineMs = performance.now() + PATIENCE_MS;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (signal.aborted || !mayHeal(error) || performance.now() > deadlineMs) throw error;
      again();
      await sleep(RETRY_MS, undefined, { signal });
    }
  }
}

function mayHeal(error: unknown): boolean {
  if (error instanceof PartlySentError) return mayHeal(error.cause);
  if (error instanceof UnreachableError) return true;
  return error instanceof ApiError && (error.status >= 500 || error.status === 429);
}
