import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import {
  cancelTask,
  claimAttempts,
  FIRST_KEY,
  findTask,
  loadDispatches,
  type NewTask,
  reopenTask,
  sealTask,
  settleAttempts,
  submitKeyed,
  submitTasks,
  sweepKeys,
} from "@millrace/store";
import { bounce, dedup, kindsOf, passForKeys, submitNew } from "../../../support/keyed-tasks.ts";
import { completion, death, newTask, openTaskStore, type TaskStore } from "../../../support/task-store.ts";

let store: TaskStore;
beforeAll(async () => {
  store = await openTaskStore(8);
}, 60_000);
afterAll(() => store?.close());
beforeEach(async () => {
  await store.sql`truncate tasks, open_tasks, outcomes, task_keys, dead_letters, dedup_keys, redrives`;
});

const submit = (...tasks: readonly NewTask[]) => submitKeyed(store.sql, tasks);
const seqOf = (task: NewTask) => submitNew(store.sql, task);
const pass = (seconds: number) => passForKeys(store.sql, seconds);
const tasks = async () =>
  (await store.sql<{ task_id: string }[]>`select task_id from tasks order by seq`).map((row) => row.task_id);
const keys = async () => (await store.sql`select 1 from dedup_keys`).length;
const claim = (seq: number, attempt = 1) => claimAttempts(store.sql, "w~1", [{ seq, attempt }]);

describe("a dedup key", () => {
  test("lets one in until it is finished; the answer names it, and nothing is left of the others", async () => {
    const seq = await seqOf(dedup({ task_id: "first" }));
    const again = await submit(dedup({ task_id: "second" }));
    expect(again).toEqual([{ kind: "deduplicated", taskId: "first", seq, isMoved: false }]);
    await claim(seq);
    expect(kindsOf(await submit(dedup()))).toEqual(["deduplicated"]);
    await settleAttempts(store.sql, "w~1", [completion(seq)]);
    expect(kindsOf(await submit(dedup({ task_id: "second" })))).toEqual(["stored"]);
    expect(await tasks()).toEqual(["first", "second"]);
    expect(await keys()).toBe(1);
  });

  test("is another one for another owner, another task type and another kind", async () => {
    await seqOf(dedup());
    expect(kindsOf(await submit(dedup({ owner_id: 2 }), dedup({ task_type: "other" }), bounce()))).toEqual([
      "stored",
      "stored",
      "stored",
    ]);
  });

  test("with a window outlasts its task, and ends with the window", async () => {
    const seq = await seqOf(dedup({ task_id: "first" }, 60));
    await claim(seq);
    await settleAttempts(store.sql, "w~1", [completion(seq)]);
    expect(await submit(dedup({}, 60))).toMatchObject([{ kind: "deduplicated", taskId: "first" }]);
    await pass(61);
    expect(kindsOf(await submit(dedup({}, 60)))).toEqual(["stored"]);
  });

  test("with a window that is over lets a second one in beside the first", async () => {
    await seqOf(dedup({}, 60));
    await pass(61);
    expect(kindsOf(await submit(dedup({}, 60)))).toEqual(["stored"]);
  });

  test.each([null, 60])("is free once its task was cancelled or is dead (window %p)", async (window) => {
    const first = await seqOf(dedup({}, window));
    await cancelTask(store.sql, first, "test");
    const second = await seqOf(dedup({}, window));
    await claim(second);
    await settleAttempts(store.sql, "w~1", [death(second)]);
    expect(kindsOf(await submit(dedup({}, window)))).toEqual(["stored"]);
  });

  test("is not taken back by a task that is brought back, whether somebody swept or not", async () => {
    for (const isSwept of [false, true]) {
      await store.sql`truncate tasks, open_tasks, outcomes, task_keys, dedup_keys, redrives`;
      const first = await seqOf(dedup());
      await cancelTask(store.sql, first, "test");
      if (isSwept) await sweepKeys(store.sql, FIRST_KEY, 10);
      expect(await reopenTask(store.sql, { seq: first, redrivenBy: 1, delayMs: 0 })).toBeTrue();
      expect(kindsOf(await submit(dedup()))).toEqual(["stored"]);
    }
  }, 30_000);

  test("counts within one list, in its order", async () => {
    const list = [
      dedup({ task_id: "a" }),
      dedup({ task_id: "b" }),
      dedup({ task_id: "c", task_type: "other" }),
    ];
    expect(await submit(...list)).toMatchObject([
      { kind: "stored" },
      { kind: "deduplicated", taskId: "a" },
      { kind: "stored" },
    ]);
  });

  test("a known id goes before the key, and twice in a list it is taken", async () => {
    const task = dedup({ task_id: "same" });
    expect(kindsOf(await submit(task, task))).toEqual(["stored", "taken"]);
    expect(kindsOf(await submit(task))).toEqual(["taken"]);
    await submitTasks(store.sql, [newTask({ task_id: "plain" })]);
    expect(kindsOf(await submit(dedup({ task_id: "plain", task_type: "other" })))).toEqual(["taken"]);
  });
});

describe("many at once", () => {
  test("two hundred submissions over eight connections make one task, and all name it", async () => {
    const answers = (
      await Promise.all(Array.from({ length: 50 }, () => submit(dedup(), dedup(), dedup(), dedup())))
    ).flat();
    const [only] = await tasks();
    expect(await tasks()).toHaveLength(1);
    expect(answers.filter(({ kind }) => kind === "stored")).toHaveLength(1);
    const others = answers.flatMap((answer) => (answer.kind === "deduplicated" ? [answer.taskId] : []));
    expect(others).toEqual(Array.from({ length: 199 }, () => only ?? ""));
  }, 60_000);

  test("lists that name the same keys in different orders get through, without a deadlock", async () => {
    const keyed = (key: string) => dedup({ dedup: { kind: "dedup", key, window_s: null } });
    const names = Array.from({ length: 30 }, (_, index) => `key-${index}`);
    const rounds = await Promise.all(
      Array.from({ length: 12 }, (_, round) =>
        submit(...(round % 2 === 0 ? names : names.toReversed()).map(keyed)),
      ),
    );
    expect(rounds.flat().filter(({ kind }) => kind === "stored")).toHaveLength(names.length);
    expect(await tasks()).toHaveLength(names.length);
  }, 60_000);

  test("the same id under different keys is stored once", async () => {
    const one = (key: string) => dedup({ task_id: "one", dedup: { kind: "dedup", key, window_s: null } });
    const answers = (await Promise.all(Array.from({ length: 20 }, (_, n) => submit(one(`k${n}`))))).flat();
    expect(kindsOf(answers).toSorted()).toEqual(["stored", ...Array.from({ length: 19 }, () => "taken")]);
    expect(await tasks()).toEqual(["one"]);
  }, 60_000);
});

describe("a debounced task", () => {
  test("takes over the payload and is put off, whatever the payload is", async () => {
    const seq = await seqOf(bounce({ task_id: "first", payload: { n: 1 }, priority: 7 }));
    await pass(3);
    const before = await findTask(store.sql, "first");
    const [answer] = await submit(bounce({ payload: { n: 2, text: "a\u0000b\ud800" }, priority: 1 }));
    expect(answer).toEqual({ kind: "deduplicated", taskId: "first", seq, isMoved: true });
    const after = await findTask(store.sql, "first");
    expect(after).toMatchObject({
      payload: { n: 2, text: "a\u0000b\ud800" },
      priority: 7,
      phase: "scheduled",
    });
    expect(after?.nextAttemptAt?.getTime()).toBeGreaterThan(before?.nextAttemptAt?.getTime() ?? 0);
    expect(after?.runAt).toEqual(after?.nextAttemptAt ?? null);
    expect(await tasks()).toEqual(["first"]);
  });

  test("is not put off beyond its latest start, which its first submission set", async () => {
    const seq = await seqOf(bounce({ task_id: "first" }, { max_wait_s: 6 }));
    const [{ latest_at: latestAt } = { latest_at: null }] = await store.sql`select latest_at from dedup_keys`;
    await submit(bounce({}, { seconds: 1_000, max_wait_s: 9_000 }));
    const [row] =
      await store.sql`select ready_at, starts_at, submissions from open_tasks join dedup_keys using (seq)`;
    expect(row).toEqual({ ready_at: latestAt, starts_at: latestAt, submissions: 2 });
    await pass(10);
    const [answer] = await submit(bounce({ payload: { n: 3 } }));
    expect(answer).toEqual({ kind: "deduplicated", taskId: "first", seq, isMoved: false });
    expect(await findTask(store.sql, "first")).toMatchObject({ payload: { n: 3 } });
    expect(await sealTask(store.sql, seq)).toEqual({ kind: "sealed", payload: { n: 3 } });
  });

  test("of several in one list, the last one's payload is stored with the first", async () => {
    const list = [1, 2, 3].map((n) => bounce({ task_id: `t${n}`, payload: { n } }));
    expect(kindsOf(await submit(...list))).toEqual(["stored", "deduplicated", "deduplicated"]);
    expect(await findTask(store.sql, "t1")).toMatchObject({ payload: { n: 3 } });
    expect(await store.sql`select submissions from dedup_keys`).toMatchObject([{ submissions: 3 }]);
    expect(await tasks()).toEqual(["t1"]);
  });

  test("is early until its time has come, then begins with the last payload, and asked again is the same", async () => {
    const seq = await seqOf(bounce({ payload: { n: 1 } }));
    const early = await sealTask(store.sql, seq);
    expect(early.kind === "early" && early.waitMs > 0 && early.waitMs <= 5_000).toBeTrue();
    await submit(bounce({ payload: { n: 2 } }));
    await pass(6);
    for (let times = 0; times < 2; times += 1)
      expect(await sealTask(store.sql, seq)).toEqual({ kind: "sealed", payload: { n: 2 } });
  });

  test("that has begun gives its key back: the next one is a task of its own, and its payload stays", async () => {
    const seq = await seqOf(bounce({ task_id: "first", payload: { n: 1 } }));
    await pass(6);
    await sealTask(store.sql, seq);
    expect(kindsOf(await submit(bounce({ payload: { n: 2 } })))).toEqual(["stored"]);
    expect(await findTask(store.sql, "first")).toMatchObject({ payload: { n: 1 } });
  });

  test("that was leased or cancelled holds its key no longer", async () => {
    const first = await seqOf(bounce());
    await claim(first); // As a lease does it: without a message.
    const second = await seqOf(bounce());
    await cancelTask(store.sql, second, "test");
    expect(kindsOf(await submit(bounce()))).toEqual(["stored"]);
  });

  test("that is parked keeps its place, and takes the payload", async () => {
    const seq = await seqOf(bounce({ task_id: "first" }));
    await store.sql`update open_tasks set parked_for = 'simulate', ready_at = 'infinity' where seq = ${seq}`;
    expect(await submit(bounce({ payload: { n: 2 } }))).toMatchObject([
      { kind: "deduplicated", isMoved: false },
    ]);
    expect(await findTask(store.sql, "first")).toMatchObject({ payload: { n: 2 } });
    expect(await store.sql`select 1 from open_tasks where ready_at = 'infinity'`).toHaveLength(1);
  });

  test("is marked in the messages of its first attempt, and only there", async () => {
    const seq = await seqOf(bounce());
    const [first] = await loadDispatches(store.sql, [seq]);
    expect(first?.dispatch).toMatchObject({ attempt: 1, is_debounced: true });
    await cancelTask(store.sql, seq, "test");
    await reopenTask(store.sql, { seq, redrivenBy: 1, delayMs: 0 });
    const [again] = await loadDispatches(store.sql, [seq]);
    expect([again?.dispatch.attempt, again?.dispatch.is_debounced]).toEqual([2, undefined]);
  });

  test("beginning and being submitted at the same moment, no payload is lost", async () => {
    for (let round = 0; round < 8; round += 1) {
      await store.sql`truncate tasks, open_tasks, outcomes, task_keys, dedup_keys`;
      const seq = await seqOf(bounce({ payload: { n: 0 } }));
      await pass(6);
      const [sealed, ...answers] = await Promise.all([
        sealTask(store.sql, seq),
        ...[1, 2, 3].map((n) => submit(bounce({ payload: { n } }))),
      ]);
      const [holder] = await store.sql<{ payload: { n: number } }[]>`
        select payload from tasks where seq = (select max(seq) from tasks)`;
      // Either it began, and what came later stands in a task of its own; or it was put off, and holds the last one.
      const isPutOff = sealed.kind === "early";
      const joined = answers.flat().filter(({ kind }) => kind === "deduplicated");
      if (isPutOff) expect([joined.length, (await tasks()).length]).toEqual([3, 1]);
      const ran = sealed.kind === "sealed" ? (sealed.payload as { n: number }).n : 0;
      expect(ran > 0 || (holder?.payload.n ?? 0) > 0).toBeTrue();
    }
  }, 60_000);
});

test("who names no key writes none, and is not let in by this way", async () => {
  await submitTasks(store.sql, [newTask()]);
  expect(await keys()).toBe(0);
  expect(submitKeyed(store.sql, [newTask()])).rejects.toThrow("submitTasks");
});
