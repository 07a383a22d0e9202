import { afterAll, beforeAll, expect, test } from "bun:test";
import { onSharedPostgres } from "../support/on-shared-postgres.ts";
import { untilTrue } from "../support/running-stack.ts";
import { startTaskStack, type TaskStack } from "../support/task-stack.ts";

/** Schedules that come each second, with runs that take longer, in the whole product. */
const WAIT_MS = 90_000;
const RUN_MS = 1_800;

let stack: TaskStack;
beforeAll(async () => {
  stack = await startTaskStack(await onSharedPostgres());
}, 90_000);
afterAll(() => stack?.close());

interface Run {
  readonly tickMs: number;
  readonly kind: string;
  readonly taskId: string | null;
}
interface Span {
  readonly startMs: number;
  readonly endMs: number;
}

async function runsOf(id: string): Promise<readonly Run[]> {
  const { body } = await stack.call("GET", `/api/schedules/${id}`);
  const runs: { tick: string; kind: string; task_id: string | null }[] = body.runs;
  return runs
    .map(({ tick, kind, task_id: taskId }) => ({ tickMs: Date.parse(tick), kind, taskId }))
    .toSorted((a, b) => a.tickMs - b.tickMs);
}

/** Until it has had so many ticks of a kind; then it is paused, and its runs are waited for. */
async function play(id: string, overlap: string, wanted: { kind: string; ticks: number }) {
  const task = { task_type: "simulate", lane: "short", payload: { duration_ms: RUN_MS, failure_rate: 0 } };
  const made = await stack.call("POST", "/api/schedules", {
    schedule_id: id,
    every: 1,
    missed: "catch_up",
    overlap,
    task,
  });
  expect(made.status).toBe(201);
  const isEnough = async () =>
    (await runsOf(id)).filter(({ kind }) => kind === wanted.kind).length >= wanted.ticks;
  await untilTrue(isEnough, WAIT_MS, `${wanted.ticks} ticks that are ${wanted.kind}`);
  await stack.call("POST", `/api/schedules/${id}/pause`);
  const runs = await runsOf(id);
  const spans: Span[] = [];
  for (const { taskId } of runs) {
    if (taskId === null) continue;
    const ended = await stack.untilEnded(taskId, WAIT_MS);
    expect(ended).toMatchObject({ status: "completed", attempts: 1 });
    spans.push({ startMs: Date.parse(ended.started_at), endMs: Date.parse(ended.completed_at) });
  }
  return { runs, spans: spans.toSorted((a, b) => a.startMs - b.startMs) };
}

/** Runs that started before the one before them had ended. */
const overlapping = (spans: readonly Span[]): number =>
  spans.filter(({ startMs }, index) => startMs < (spans[index - 1]?.endMs ?? 0)).length;

test(
  "queue: each tick gets its run, one after the other, however late",
  async () => {
    const { runs, spans } = await play("queued", "queue", { kind: "fired", ticks: 4 });
    expect(runs.every(({ kind }) => kind === "fired")).toBeTrue();
    expect(overlapping(spans)).toBe(0);
    // No tick is left out, although by the fourth run three more have come.
    const ticks = runs.map(({ tickMs }) => tickMs);
    expect(ticks).toEqual(ticks.map((_, index) => (ticks[0] ?? 0) + index * 1_000));
    const [last, lastTickMs] = [spans.at(-1), ticks.at(-1) ?? 0];
    expect((last?.startMs ?? 0) - lastTickMs).toBeGreaterThanOrEqual((ticks.length - 1) * (RUN_MS - 1_000));
  },
  WAIT_MS * 2,
);

test(
  "skip: no two runs at a time, and the ticks between them are remembered as skipped",
  async () => {
    const { runs, spans } = await play("skipped", "skip", { kind: "skipped", ticks: 2 });
    expect(overlapping(spans)).toBe(0);
    expect(runs.filter(({ kind }) => kind === "skipped").every(({ taskId }) => taskId === null)).toBeTrue();
  },
  WAIT_MS * 2,
);

test(
  "allow: a tick starts beside the run before it",
  async () => {
    const { spans } = await play("beside", "allow", { kind: "fired", ticks: 4 });
    expect(overlapping(spans)).toBeGreaterThan(0);
  },
  WAIT_MS * 2,
);
