import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { ATTEMPT_NUMBER_MAX } from "@millrace/core/limits";
import {
  cancelTask,
  claimAttempts,
  findTask,
  listDeadLetters,
  openPool,
  reopenTask,
  settleAttempts,
} from "@millrace/store";
import {
  completion,
  death,
  failure,
  openTaskStore,
  submitClaimed,
  submitOne,
  type TaskStore,
} from "../../../support/task-store.ts";

let store: TaskStore;
beforeEach(async () => {
  store = await openTaskStore(10);
});
afterEach(() => store.close());

const wish = (seq: number) => ({ seq, redrivenBy: 7, delayMs: 0 });

async function dead(task_id: string): Promise<number> {
  const seq = await submitClaimed(store.sql, "w~1", { task_id });
  await settleAttempts(store.sql, "w~1", [death(seq)]);
  return seq;
}

describe("what is dead or cancelled", () => {
  test("comes back with fresh counts, the next number, and off the dead letters", async () => {
    const seq = await submitClaimed(store.sql, "w~1", { task_id: "t" });
    await settleAttempts(store.sql, "w~1", [failure(seq)]);
    await claimAttempts(store.sql, "w~1", [{ seq, attempt: 2 }]);
    await settleAttempts(store.sql, "w~1", [death(seq, 2)]);
    expect(await reopenTask(store.sql, wish(seq))).toBe(true);
    expect(await findTask(store.sql, "t")).toMatchObject({ status: "pending", phase: "queued", attempts: 2 });
    expect(await listDeadLetters(store.sql, { ownerId: null, limit: 10 })).toEqual([]);
    expect(await claimAttempts(store.sql, "w~1", [{ seq, attempt: 3 }])).toEqual([{ kind: "claimed" }]);
  });

  test("of 20 redrives at once one succeeds", async () => {
    const seq = await dead("t");
    const answers = await Promise.all(Array.from({ length: 20 }, () => reopenTask(store.sql, wish(seq))));
    expect(answers.filter((isReopened) => isReopened)).toHaveLength(1);
  });

  test("keeps the former payload with who changed it", async () => {
    const seq = await submitClaimed(store.sql, "w~1", { task_id: "t", payload: { v: 1 } });
    await settleAttempts(store.sql, "w~1", [death(seq)]);
    await reopenTask(store.sql, { ...wish(seq), payload: { v: 2 } });
    expect((await findTask(store.sql, "t"))?.payload).toEqual({ v: 2 });
    const rows =
      await store.sql`select attempt, redriven_by, previous_payload from redrives where seq = ${seq}`;
    expect(rows[0]).toEqual({ attempt: 1, redriven_by: 7, previous_payload: { v: 1 } });
  });

  test("between attempts continues after the number that the cancellation used up", async () => {
    const seq = await submitOne(store.sql);
    await cancelTask(store.sql, seq, "not wanted");
    await reopenTask(store.sql, wish(seq));
    expect(await claimAttempts(store.sql, "w~1", [{ seq, attempt: 1 }])).toEqual([{ kind: "stale" }]);
    expect(await claimAttempts(store.sql, "w~1", [{ seq, attempt: 2 }])).toEqual([{ kind: "claimed" }]);
  });
});

describe("refused", () => {
  test("what is open, completed or unknown", async () => {
    const open = await submitOne(store.sql);
    const running = await submitClaimed(store.sql, "w~1");
    const completed = await submitClaimed(store.sql, "w~1");
    await settleAttempts(store.sql, "w~1", [completion(completed)]);
    for (const seq of [open, running, completed, 42])
      expect(await reopenTask(store.sql, wish(seq))).toBe(false);
  });

  test("what has used its last attempt number", async () => {
    const seq = await dead("t");
    await store.sql`update outcomes set attempt = ${ATTEMPT_NUMBER_MAX} where seq = ${seq}`;
    expect(await reopenTask(store.sql, wish(seq))).toBe(false);
    await store.sql`update outcomes set attempt = ${ATTEMPT_NUMBER_MAX - 1} where seq = ${seq}`;
    expect(await reopenTask(store.sql, wish(seq))).toBe(true);
  });

  test("what another redrive has brought back, and to its completion, while this one was under way", async () => {
    const seq = await dead("t");
    const other = openPool({ url: store.url, max: 1, applicationName: "millrace-test" });
    let answer: Promise<boolean> | undefined;
    await other.begin(async (transaction) => {
      await transaction`select 1 from tasks where seq = ${seq} for update`;
      await transaction`insert into open_tasks (seq, lane, priority, attempt, ready_at) values (${seq}, 'short', 5, 1, now())`;
      answer = reopenTask(store.sql, wish(seq));
      await untilBlocked();
      await transaction`delete from open_tasks where seq = ${seq}`;
      await transaction`insert into outcomes (seq, attempt, kind, ended_at) values (${seq}, 2, 'completed', now())`;
    });
    expect(await answer).toBe(false);
    expect(await findTask(store.sql, "t")).toMatchObject({ status: "completed" });
    await other.end();
  });
});

/** Until somebody else waits for a lock, so that the order of events is the one that the test is about. */
async function untilBlocked(): Promise<void> {
  const observer = openPool({ url: store.url, max: 1, applicationName: "millrace-observer" });
  const deadline = performance.now() + 5_000;
  for (;;) {
    const [row] = await observer<{ waiting: number }[]>`
      select count(*)::int as waiting from pg_locks l join pg_stat_activity a using (pid)
      where not l.granted and a.datname = current_database()`;
    if ((row?.waiting ?? 0) > 0) break;
    if (performance.now() > deadline) throw new Error("nobody waits for a lock");
    await Bun.sleep(5);
  }
  await observer.end();
}
