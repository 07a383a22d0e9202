import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { LIST_TOTAL_MAX } from "@millrace/core/limits";
import type { TaskStatus } from "@millrace/core/task";
import {
  cancelTask,
  claimAttempts,
  countTasks,
  listTasks,
  reopenTask,
  settleAttempts,
} from "@millrace/store";
import {
  completion,
  death,
  failure,
  newTask,
  openTaskStore,
  submitMany,
  type TaskStore,
} from "../../../support/task-store.ts";

let store: TaskStore;
beforeAll(async () => {
  store = await openTaskStore();
});
afterAll(() => store.close());

const EVERYTHING = { ownerId: null, limit: 1_000, offset: 0 };

async function listIds(filter: object): Promise<readonly string[]> {
  return (await listTasks(store.sql, { ...EVERYTHING, ...filter })).map(({ taskId }) => taskId);
}

describe("by status", () => {
  const IDS = [
    "pending",
    "later",
    "running",
    "retrying",
    "done",
    "dead",
    "dead-twice",
    "cancelled",
    "cancelled-running",
    "redriven",
  ];

  beforeAll(async () => {
    const { sql } = store;
    const tasks = IDS.map((task_id) =>
      newTask({ task_id, owner_id: 1, run_at: task_id === "later" ? "2100-01-01T00:00:00Z" : null }),
    );
    const seqs = new Map((await submitMany(sql, tasks)).map((seq, index) => [IDS[index] ?? "", seq]));
    const seqOf = (id: string) => seqs.get(id) ?? 0;
    const claim = (ids: readonly string[], attempt: number) =>
      claimAttempts(
        sql,
        "w~1",
        ids.map((id) => ({ seq: seqOf(id), attempt })),
      );
    await claim(["running", "retrying", "done", "dead", "dead-twice", "cancelled-running", "redriven"], 1);
    await settleAttempts(sql, "w~1", [
      failure(seqOf("retrying"), 1, 3_600_000),
      completion(seqOf("done")),
      death(seqOf("dead")),
      death(seqOf("dead-twice")),
      death(seqOf("redriven")),
    ]);
    for (const id of ["cancelled", "cancelled-running"]) await cancelTask(sql, seqOf(id), "not wanted");
    for (const id of ["dead-twice", "redriven"])
      await reopenTask(sql, { seq: seqOf(id), redrivenBy: 1, delayMs: 0 });
    await claim(["dead-twice"], 2);
    await settleAttempts(sql, "w~1", [death(seqOf("dead-twice"), 2)]);
  });

  const BY_STATUS: Readonly<Record<TaskStatus, readonly string[]>> = {
    pending: ["redriven", "retrying", "later", "pending"],
    running: ["running"],
    completed: ["done"],
    failed: ["dead-twice", "dead"],
    cancelled: ["cancelled-running", "cancelled"],
  };

  test.each(Object.entries(BY_STATUS))("%s, newest first, each once, and so counted", async (status, ids) => {
    const filter = { status: status as TaskStatus };
    expect(await listIds(filter)).toEqual([...ids]);
    expect(await countTasks(store.sql, { ownerId: 1, ...filter })).toEqual({
      total: ids.length,
      isCapped: false,
    });
    const records = await listTasks(store.sql, { ...EVERYTHING, ...filter });
    expect(records.every((record) => record.status === status)).toBe(true);
  });

  test("each task has one status: the lists together are all tasks", async () => {
    expect(Object.values(BY_STATUS).flat().sort()).toEqual([...IDS].sort());
    expect(await listIds({})).toEqual([...IDS].reverse());
  });
});

describe("other filters", () => {
  beforeAll(async () => {
    await submitMany(store.sql, [
      newTask({ task_id: "mine", owner_id: 2, priority: 9, task_type: "http.request" }),
      newTask({ task_id: "theirs", owner_id: 3, priority: 9 }),
      newTask({ task_id: "mine-low", owner_id: 2, priority: 1 }),
    ]);
  });

  test.each([
    [{ ownerId: 2 }, ["mine-low", "mine"]],
    [{ priority: 9 }, ["theirs", "mine"]],
    [{ taskType: "http.request" }, ["mine"]],
    [{ ownerId: 2, priority: 1, status: "pending" }, ["mine-low"]],
    [{ ownerId: 2, status: "running" }, []],
    [{ ownerId: 4 }, []],
  ] as const)("%j", async (filter, ids) => {
    expect(await listIds(filter)).toEqual([...ids]);
    expect((await countTasks(store.sql, { ownerId: null, ...filter })).total).toBe(ids.length);
  });
});

describe("pages", () => {
  test("by cursor show each task once, oldest to the end, although new ones come in between", async () => {
    const ids = Array.from({ length: 25 }, (_, index) => `page-${index}`);
    await submitMany(
      store.sql,
      ids.map((task_id) => newTask({ task_id, owner_id: 10 })),
    );
    const seen: string[] = [];
    let before: number | undefined;
    for (let page = 0; page < 10; page++) {
      const records = await listTasks(store.sql, { ownerId: 10, limit: 10, offset: 0, before });
      if (records.length === 0) break;
      seen.push(...records.map(({ taskId }) => taskId));
      before = records.at(-1)?.seq;
      await submitMany(
        store.sql,
        Array.from({ length: 7 }, () => newTask({ owner_id: 10 })),
      );
    }
    expect(seen).toEqual([...ids].reverse());
  });

  test("by offset are as long as asked, and end", async () => {
    await submitMany(
      store.sql,
      Array.from({ length: 5 }, () => newTask({ owner_id: 11 })),
    );
    const page = async (offset: number) =>
      (await listTasks(store.sql, { ownerId: 11, limit: 2, offset })).length;
    expect([await page(0), await page(2), await page(4), await page(6)]).toEqual([2, 2, 1, 0]);
  });
});

describe("counts", () => {
  beforeEach(async () => {
    await store.sql`
      with made as (
        insert into open_tasks (seq, lane, priority, ready_at)
        select seq_at(now()) + n, 'long', 2, now() from generate_series(1, ${LIST_TOTAL_MAX}) n returning seq
      )
      insert into tasks (seq, task_id, task_type, owner_id, lane, priority, payload, timeout_s, max_attempts, backoff,
        correlation_id, created_at)
      select seq, 'many-' || seq, 'many', 12, 'long', 2, '{}', 30, 3, '{}', 'c', now() from made`;
  });

  test("are exact up to the bound, and stop there", async () => {
    const filter = { ownerId: 12, status: "pending" } as const;
    expect(await countTasks(store.sql, filter)).toEqual({ total: LIST_TOTAL_MAX, isCapped: false });
    await submitMany(store.sql, [newTask({ owner_id: 12 })]);
    expect(await countTasks(store.sql, filter)).toEqual({ total: LIST_TOTAL_MAX, isCapped: true });
  });
});
