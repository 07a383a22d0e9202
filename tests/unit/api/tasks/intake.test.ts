import { afterAll, beforeAll, expect, test } from "bun:test";
import { Intake } from "@millrace/api/tasks/intake";
import { createLog } from "@millrace/observe";
import { untilTrue } from "../../../support/running-stack.ts";
import { FakeBus } from "../../../support/task-api.ts";
import { newTask, openTaskStore, type TaskStore } from "../../../support/task-store.ts";

let store: TaskStore;
beforeAll(async () => {
  store = await openTaskStore();
}, 60_000);
afterAll(() => store.close());

const log = createLog({
  service: "api",
  level: "DEBUG",
  format: "json",
  destination: { write: () => {}, flush: () => {} },
});

function open(): { intake: Intake; bus: FakeBus; groups: number[] } {
  const bus = new FakeBus();
  const groups: number[] = [];
  const metrics = {
    onGroup: (rows: number) => void groups.push(rows),
    stored: () => {},
    deduplicated: () => {},
    committed: () => {},
  };
  return { intake: new Intake({ sql: store.sql, dispatcher: bus, log, metrics }), bus, groups };
}

test("a hundred requests at once share a few commits, and each gets the answer to its own task", async () => {
  const { intake, bus, groups } = open();
  const tasks = Array.from({ length: 100 }, (_, index) => newTask({ task_id: `shared-${index}` }));
  const answers = await Promise.all(tasks.map((task) => intake.submit([task], 100)));
  expect(groups.length).toBeLessThanOrEqual(4);
  const seqs = new Map(bus.published.map(({ dispatch }) => [dispatch.task_id, dispatch.seq]));
  for (const [index, [answer]] of answers.entries()) {
    const stored = answer?.kind === "stored" ? answer.seq : "none";
    const [row] = await store.sql`select seq from task_keys where task_id = ${`shared-${index}`}`;
    expect([stored, seqs.get(`shared-${index}`)]).toEqual([row?.seq, row?.seq]);
  }
});

test("nothing is published of what was taken already", async () => {
  const { intake, bus } = open();
  await intake.submit([newTask({ task_id: "twice" })], 10);
  const answers = await intake.submit([newTask({ task_id: "twice" }), newTask({ task_id: "fresh" })], 10);
  expect(answers.map(({ kind }) => kind)).toEqual(["taken", "stored"]);
  expect(bus.published.map(({ dispatch }) => dispatch.task_id)).toEqual(["twice", "fresh"]);
});

test("nothing is published of a group that was not committed, and each of its callers hears of it", async () => {
  const { intake, bus } = open();
  const wrong = { ...newTask({ task_id: "wrong" }), priority: 100_000 }; // No smallint.
  const outcomes = await Promise.allSettled([
    intake.submit([newTask({ task_id: "beside" })], 10),
    intake.submit([wrong], 10),
  ]);
  expect(outcomes.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  expect(bus.published).toEqual([]);
  expect(await store.sql`select 1 from task_keys where task_id in ('beside', 'wrong')`).toHaveLength(0);
});

test("an empty batch asks nobody anything", async () => {
  const { intake, bus, groups } = open();
  expect(await intake.submit([], 0)).toEqual([]);
  expect([bus.calls, groups]).toEqual([[], []]);
});

test("drain waits for the commits that are on their way", async () => {
  const { intake, bus } = open();
  const submitted = intake.submit([newTask({ task_id: "draining" })], 10);
  await intake.drain();
  expect(await store.sql`select 1 from task_keys where task_id = 'draining'`).toHaveLength(1);
  await submitted;
  expect(bus.published).toHaveLength(1);
});

test("with and without keys in one request, each gets its own answer; who was put off gets a message for the new time", async () => {
  const { intake, bus } = open();
  const debounced = (task_id: string, seconds: number) =>
    newTask({
      ...{ task_id, run_at: new Date(Date.now() + seconds * 1_000).toISOString() },
      dedup: { kind: "debounce", key: "intake", seconds, max_wait_s: 500 },
    });
  await intake.submit([debounced("debounced-1", 5)], 10);
  const answers = await intake.submit([newTask({ task_id: "plain" }), debounced("debounced-2", 50)], 10);
  expect(answers).toMatchObject([
    { kind: "stored" },
    { kind: "deduplicated", taskId: "debounced-1", isMoved: true },
  ]);
  const last = () => bus.published.findLast(({ dispatch }) => dispatch.task_id === "debounced-1");
  await untilTrue(() => (last()?.dueAtMs ?? 0) > Date.now() + 30_000, 10_000);
  expect(last()?.dispatch).toMatchObject({ attempt: 1, is_debounced: true });
  expect(bus.published.some(({ dispatch }) => dispatch.task_id === "debounced-2")).toBeFalse();
});
