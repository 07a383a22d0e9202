import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { cancelTask, claimAttempts, FIRST_KEY, type NewTask, submitKeyed, sweepKeys } from "@millrace/store";
import { bounce, dedup, kindsOf, passForKeys, submitNew } from "../../../support/keyed-tasks.ts";
import { openTaskStore, type TaskStore } from "../../../support/task-store.ts";

let store: TaskStore;
beforeAll(async () => {
  store = await openTaskStore();
}, 60_000);
afterAll(() => store?.close());
beforeEach(async () => {
  await store.sql`truncate tasks, open_tasks, outcomes, task_keys, dedup_keys`;
});

const submit = (...tasks: readonly NewTask[]) => submitKeyed(store.sql, tasks);
const pass = (seconds: number) => passForKeys(store.sql, seconds);
const keys = async () => (await store.sql`select 1 from dedup_keys`).length;
const claim = (seq: number, attempt = 1) => claimAttempts(store.sql, "w~1", [{ seq, attempt }]);

describe("the sweep", () => {
  test("takes away what nobody holds, leaves what is held, and walks in portions", async () => {
    const key = (name: string) => ({ dedup: { kind: "dedup", key: name, window_s: null } }) as const;
    const seqs = (await submit(...Array.from({ length: 10 }, (_, index) => dedup(key(`k${index}`))))).flatMap(
      (answer) => (answer.kind === "stored" ? [answer.seq] : []),
    );
    for (const seq of seqs.slice(0, 4)) await cancelTask(store.sql, seq, "test");
    let after = FIRST_KEY;
    const removed: number[] = [];
    do {
      const round = await sweepKeys(store.sql, after, 3);
      removed.push(round.removed);
      after = round.after;
    } while (after !== FIRST_KEY && removed.length < 9);
    expect(removed).toEqual([3, 1, 0, 0]);
    expect(await keys()).toBe(6);
  });

  test("ends windows, and keys of debounced tasks that have started", async () => {
    await submitNew(store.sql, dedup({}, 60));
    const seq = await submitNew(store.sql, bounce());
    expect(await sweepKeys(store.sql, FIRST_KEY, 10)).toMatchObject({ looked: 2, removed: 0 });
    await claim(seq);
    await pass(61);
    expect(await sweepKeys(store.sql, FIRST_KEY, 10)).toMatchObject({ looked: 2, removed: 2 });
  });

  test("does not wait for a submission, nor take its key away", async () => {
    const seq = await submitNew(store.sql, dedup());
    await cancelTask(store.sql, seq, "test");
    await store.sql.begin(async (transaction) => {
      expect(kindsOf(await submitKeyed(transaction, [dedup()]))).toEqual(["stored"]);
      expect(await sweepKeys(store.sql, FIRST_KEY, 10)).toMatchObject({ removed: 0 });
    });
    expect(kindsOf(await submit(dedup()))).toEqual(["deduplicated"]);
  });
});
