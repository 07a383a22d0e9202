import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { countTasks, findTask, firstDispatch, loadDispatches, submitTasks } from "@millrace/store";
import {
  newTask,
  openTaskStore,
  submitMany,
  submitOne,
  type TaskStore,
} from "../../../support/task-store.ts";

let store: TaskStore;
beforeEach(async () => {
  store = await openTaskStore(20);
});
afterEach(() => store.close());

const EVERYBODY = { ownerId: null };

test("a trace's context stands with its own task alone, and in the messages that are written anew", async () => {
  const trace_context = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01 shop=42";
  const tasks = [newTask({ task_id: "traced", trace_context }), newTask({ task_id: "other" })];
  const answers = await submitTasks(store.sql, tasks);
  const seqs = answers.map((answer) => (answer.kind === "stored" ? answer.seq : 0));
  const [traced, other] = (await loadDispatches(store.sql, seqs)).toSorted(
    (a, b) => a.dispatch.seq - b.dispatch.seq,
  );
  expect(traced?.dispatch.trace_context).toBe(trace_context);
  expect(other?.dispatch).not.toHaveProperty("trace_context");
});

describe("ids", () => {
  test("come back in the caller's order, growing or not, each with its time", async () => {
    const tasks = ["c", "a", "b"].map((task_id) => newTask({ task_id }));
    const answers = await submitTasks(store.sql, tasks);
    for (const [index, answer] of answers.entries()) {
      if (answer.kind !== "stored") throw new Error("it should be stored");
      const record = await findTask(store.sql, tasks[index]?.task_id ?? "");
      expect(record).toMatchObject({ seq: answer.seq, createdAt: answer.createdAt, phase: "queued" });
    }
  });

  test("that exist already, or come twice in one list, are taken and leave no trace", async () => {
    await submitOne(store.sql, { task_id: "old", payload: 1 });
    const again = ["new", "old", "new"].map((task_id) => newTask({ task_id, payload: 2 }));
    expect((await submitTasks(store.sql, again)).map(({ kind }) => kind)).toEqual([
      "stored",
      "taken",
      "taken",
    ]);
    expect((await findTask(store.sql, "old"))?.payload).toBe(1);
    const rows = await store.sql`select (select count(*)::int from tasks) as tasks,
      (select count(*)::int from open_tasks) as open, (select count(*)::int from task_keys) as keys`;
    expect(rows[0]).toEqual({ tasks: 2, open: 2, keys: 2 });
  });

  test("of one task that 20 callers submit at once are stored for one and taken for 19", async () => {
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => submitTasks(store.sql, [newTask({ task_id: "same" })])),
    );
    const kinds = answers.flat().map(({ kind }) => kind);
    expect(kinds.filter((kind) => kind === "stored")).toHaveLength(1);
    expect((await countTasks(store.sql, EVERYBODY)).total).toBe(1);
  });

  test("that two batches bring in opposite orders at once are stored once, and nobody deadlocks", async () => {
    for (let round = 0; round < 10; round++) {
      const tasks = Array.from({ length: 200 }, (_, index) => newTask({ task_id: `r${round}-${index}` }));
      const [one, other] = await Promise.all([
        submitTasks(store.sql, tasks),
        submitTasks(store.sql, [...tasks].reverse()),
      ]);
      const stored = [...one, ...other].filter(({ kind }) => kind === "stored");
      expect(stored).toHaveLength(200);
    }
  });
});

describe("internal ids that meet, as after a clock went back", () => {
  /** The next ids are 1000, 1001, …, of which 1000 exists. */
  async function turnTheClockBack(): Promise<void> {
    await store.sql.unsafe(`create sequence odd start 1000;
      create or replace function next_task_seq() returns bigint language sql volatile as 'select nextval(''odd'')'`);
    await submitOne(store.sql);
    await store.sql`select setval('odd', 1000, false)`;
  }

  test("are made anew, once, and nobody notices", async () => {
    await turnTheClockBack();
    const seqs = await submitMany(store.sql, [newTask(), newTask(), newTask()]);
    expect(seqs).toHaveLength(3);
    expect((await countTasks(store.sql, EVERYBODY)).total).toBe(4);
  });

  test("are made anew in a transaction, too, which goes on", async () => {
    await turnTheClockBack();
    await store.sql.begin(async (transaction) => {
      await submitTasks(transaction, [newTask({ task_id: "a" })]);
      await submitTasks(transaction, [newTask({ task_id: "b" })]);
    });
    expect((await countTasks(store.sql, EVERYBODY)).total).toBe(3);
  });

  test("fail the statement when they meet again and again, and store nothing", async () => {
    await turnTheClockBack();
    await store.sql.unsafe(
      `create or replace function next_task_seq() returns bigint language sql volatile as 'select 1000::bigint'`,
    );
    const failed = submitTasks(store.sql, [newTask({ task_id: "unlucky" })]);
    expect(await failed.catch((error: unknown) => error)).toMatchObject({ code: "23505" });
    expect(await findTask(store.sql, "unlucky")).toBeNull();
  });
});

describe("run_at", () => {
  test("in the future waits, up to the year 2100", async () => {
    const seq = await submitOne(store.sql, { task_id: "later", run_at: "2100-01-01T00:00:00Z" });
    expect(await findTask(store.sql, "later")).toMatchObject({
      phase: "scheduled",
      status: "pending",
      nextAttemptAt: new Date("2100-01-01T00:00:00Z"),
    });
    expect((await loadDispatches(store.sql, [seq]))[0]?.readyAt).toEqual(new Date("2100-01-01T00:00:00Z"));
  });

  test("in the past is due at once, not before it was submitted", async () => {
    await submitOne(store.sql, { task_id: "late", run_at: "1999-01-01T00:00:00Z" });
    const record = await findTask(store.sql, "late");
    expect(record).toMatchObject({ phase: "queued", nextAttemptAt: null });
    expect(record?.runAt).toEqual(new Date("1999-01-01T00:00:00Z"));
  });
});

test("what firstDispatch says is what the database says", async () => {
  const task = newTask({ payload: { deep: ["x"] }, tenant: "acme", lane: "long", priority: 9 });
  const seq = await submitOne(store.sql, task);
  expect((await loadDispatches(store.sql, [seq]))[0]?.dispatch).toEqual(firstDispatch(task, seq));
});
