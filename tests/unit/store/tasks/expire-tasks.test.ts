import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import {
  cancelTask,
  claimAttempts,
  expireTasks,
  findTask,
  listDeadLetters,
  reopenTask,
  settleAttempts,
} from "@millrace/store";
import { failure, openTaskStore, submitOne, type TaskStore } from "../../../support/task-store.ts";

let store: TaskStore;
beforeAll(async () => {
  store = await openTaskStore();
}, 60_000);
afterAll(() => store?.close());
beforeEach(async () => {
  await store.sql`truncate task_deadlines, tasks, open_tasks, outcomes, task_keys, dead_letters`;
});

const claim = (seq: number, attempt = 1) => claimAttempts(store.sql, "w~1", [{ seq, attempt }]);
const pass = (seconds: number) =>
  store.sql`update task_deadlines set expires_at = expires_at - ${seconds} * interval '1 second'`;
const count = async () => (await store.sql`select 1 from task_deadlines`).length;

describe("a task whose time to live is over", () => {
  test("is not claimed any more, also before anybody ended it, and then is dead without an attempt", async () => {
    const seq = await submitOne(store.sql, { task_id: "late", ttl_s: 60 });
    await pass(61);
    expect(await claim(seq)).toEqual([{ kind: "stale" }]);
    expect(await expireTasks(store.sql, 10)).toEqual({ looked: 1, expired: 1 });
    expect(await findTask(store.sql, "late")).toMatchObject({
      ...{ status: "failed", phase: "dead", attempts: 0, ttlS: 60, error: { code: "EXPIRED" } },
    });
    expect(await listDeadLetters(store.sql, { ownerId: null, limit: 9 })).toMatchObject([
      { taskId: "late", errorCode: "EXPIRED" },
    ]);
    expect(await expireTasks(store.sql, 10)).toEqual({ looked: 0, expired: 0 });
  });

  test("and that started in time goes on, and tries again", async () => {
    const seq = await submitOne(store.sql, { task_id: "started", ttl_s: 60 });
    expect(await claim(seq)).toEqual([{ kind: "claimed" }]);
    await pass(61);
    expect(await expireTasks(store.sql, 10)).toEqual({ looked: 1, expired: 0 });
    await settleAttempts(store.sql, "w~1", [failure(seq)]);
    expect(await claim(seq, 2)).toEqual([{ kind: "claimed" }]);
  });

  test("and that failed in time is not taken for one that never started", async () => {
    const seq = await submitOne(store.sql, { task_id: "failed", ttl_s: 60 });
    await claim(seq);
    await settleAttempts(store.sql, "w~1", [failure(seq)]);
    await pass(61);
    expect(await claim(seq, 2)).toEqual([{ kind: "claimed" }]);
    expect(await expireTasks(store.sql, 10)).toEqual({ looked: 1, expired: 0 });
  });

  test("runs all the same when somebody brings it back", async () => {
    const seq = await submitOne(store.sql, { task_id: "back", ttl_s: 60 });
    await pass(61);
    await expireTasks(store.sql, 10);
    expect(await reopenTask(store.sql, { seq, redrivenBy: 1, delayMs: 0 })).toBeTrue();
    expect(await claim(seq, 2)).toEqual([{ kind: "claimed" }]);
  });

  test("or was cancelled before stays cancelled", async () => {
    const seq = await submitOne(store.sql, { task_id: "cancelled", ttl_s: 60 });
    await cancelTask(store.sql, seq, "test");
    await pass(61);
    expect(await expireTasks(store.sql, 10)).toEqual({ looked: 1, expired: 0 });
    expect(await findTask(store.sql, "cancelled")).toMatchObject({ status: "cancelled" });
  });
});

test("the time to live counts from when a task is due", async () => {
  const runAt = new Date(Date.now() + 3_600_000);
  await submitOne(store.sql, { run_at: runAt.toISOString(), ttl_s: 60 });
  const [row] = await store.sql<{ expires_at: Date }[]>`select expires_at from task_deadlines`;
  expect(row?.expires_at.getTime()).toBe(runAt.getTime() + 60_000);
});

test("who asks for none has none, and costs no row", async () => {
  await submitOne(store.sql);
  expect(await count()).toBe(0);
});

test("several schedulers end each task once, in portions", async () => {
  for (let index = 0; index < 30; index += 1) await submitOne(store.sql, { ttl_s: 1 });
  await pass(2);
  const rounds = await Promise.all(Array.from({ length: 6 }, () => expireTasks(store.sql, 10)));
  const more = await expireTasks(store.sql, 100);
  expect([...rounds, more].reduce((sum, round) => sum + round.expired, 0)).toBe(30);
  expect(rounds.every((round) => round.looked <= 10)).toBeTrue();
  expect(await count()).toBe(0);
});
