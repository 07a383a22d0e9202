import { afterAll, beforeAll, expect, test } from "bun:test";
import { STARVATION_TURNS_MAX } from "@millrace/core";
import { onSharedPostgres } from "../support/on-shared-postgres.ts";
import { untilTrue } from "../support/running-stack.ts";
import { startTaskStack, type TaskStack, type TaskWish } from "../support/task-stack.ts";

const SLOTS = 4;

let stack: TaskStack;
beforeAll(async () => {
  stack = await startTaskStack(
    await onSharedPostgres({ MAX_WORKERS: String(SLOTS * 2), LONG_SLOTS: String(SLOTS) }),
  );
}, 90_000);
afterAll(() => stack?.close());

const simulated = (taskId: string, priority: number, durationMs: number): TaskWish => ({
  ...{ task_id: taskId, task_type: "simulate", priority },
  payload: { duration_ms: durationMs, failure_rate: 0 },
});

/** Ids in the order in which they were started. */
async function startOrder(prefix: string): Promise<readonly string[]> {
  const rows = await stack.sql<{ task_id: string }[]>`
    select t.task_id from outcomes o join tasks t using (seq)
    where t.task_id like ${`${prefix}%`} and o.kind = 'completed' order by o.started_at, o.seq`;
  return rows.map((row) => row.task_id);
}

test("twenty urgent tasks overtake two hundred that waited before them", async () => {
  await stack.submitAll(Array.from({ length: 200 }, (_, index) => simulated(`overtake-low-${index}`, 1, 20)));
  await stack.submitAll(
    Array.from({ length: 20 }, (_, index) => simulated(`overtake-high-${index}`, 10, 20)),
  );
  await stack.untilNoneOpen("overtake-", 30_000);

  const order = await startOrder("overtake-");
  expect(order).toHaveLength(220);
  const lastUrgent = order.findLastIndex((taskId) => taskId.includes("-high-"));
  const low = order.filter((taskId) => taskId.includes("-low-"));
  const medianLow = order.indexOf(low[100] ?? "");
  // The low ones that were started before the urgent ones arrived count as well, hence the median.
  expect(lastUrgent).toBeLessThan(medianLow);
});

test("tasks of one priority start in the order in which they were submitted", async () => {
  await stack.submitAll(Array.from({ length: 100 }, (_, index) => simulated(`fifo-${index}`, 4, 2)));
  await stack.untilNoneOpen("fifo-", 20_000);
  const order = (await startOrder("fifo-")).map((taskId) => Number(taskId.slice("fifo-".length)));
  // Slots are filled side by side, and claims commit side by side: neighbours may change places.
  const strayed = order.map((number, place) => Math.abs(number - place));
  expect(Math.max(...strayed)).toBeLessThanOrEqual(SLOTS * 4);
});

test("ten levels at once are emptied from the most urgent down, but for the fair turns", async () => {
  const levels = Array.from({ length: 10 }, (_, index) => index + 1);
  await stack.submitAll(Array.from({ length: 8 }, (_, index) => simulated(`block-${index}`, 10, 300)));
  await stack.submitAll(
    levels.flatMap((level) =>
      Array.from({ length: 20 }, (_, index) => simulated(`levels-${level}-${index}`, level, 5)),
    ),
  );
  await stack.untilNoneOpen("levels-", 30_000);
  const order = await startOrder("levels-");
  const meanPlace = (level: number) => {
    const places = order.flatMap((taskId, place) => (taskId.startsWith(`levels-${level}-`) ? [place] : []));
    return places.reduce((sum, place) => sum + place, 0) / places.length;
  };
  const places = levels.map(meanPlace);
  expect(places[9]).toBeLessThan(places[4] ?? 0);
  expect(places[4]).toBeLessThan(places[0] ?? 0);
});

test("under a constant stream of urgent tasks a low one starts within the published number of turns", async () => {
  const durationMs = 20;
  let isOver = false;
  let streamed = 0;
  const backlog = 600;
  // Always more urgent tasks waiting than the slots can run, as long as the low one has not finished.
  const streaming = (async () => {
    while (!isOver) {
      await stack.submitAll(
        Array.from({ length: backlog }, () => simulated(`stream-high-${streamed++}`, 10, durationMs)),
      );
      await untilTrue(async () => isOver || (await waiting()) < backlog / 2, 30_000, "a shorter backlog");
    }
  })();
  const waiting = async (): Promise<number> => {
    const [row] = await stack.sql<{ n: number }[]>`
      select count(*)::integer as n from open_tasks where priority = 10 and claimed_by is null`;
    return row?.n ?? 0;
  };
  await untilTrue(async () => (await waiting()) > 0, 10_000, "a backlog");
  const low = ["stream-low-1", "stream-low-5", "stream-low-9"];
  for (const [index, taskId] of low.entries())
    await stack.submit(simulated(taskId, 1 + index * 4, durationMs));
  try {
    for (const taskId of low) await stack.untilEnded(taskId, 30_000);
    expect(await waiting()).toBeGreaterThan(0);
  } finally {
    isOver = true;
    await streaming;
  }

  // A turn takes up to as many tasks as there are free slots; a task that is started after the low one was submitted and
  // before it was started was fetched in one of the turns between.
  for (const taskId of low) {
    const [row] = await stack.sql<{ overtaken: number }[]>`
      select count(*)::integer as overtaken from outcomes h join tasks ht on ht.seq = h.seq,
        (select t.created_at, o.started_at from tasks t join outcomes o using (seq) where t.task_id = ${taskId}) l
      where ht.task_id like 'stream-high-%' and h.started_at > l.created_at and h.started_at < l.started_at`;
    expect({ taskId, overtaken: row?.overtaken, max: STARVATION_TURNS_MAX * SLOTS }).toSatisfy(
      ({ overtaken, max }) => overtaken !== undefined && overtaken <= max,
    );
  }
  await stack.untilNoneOpen("stream-", 30_000);
}, 90_000);
