import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { LeaseEnds } from "@millrace/api/workers/lease-ends";
import { findTask, type RemoteWorker, type Sql } from "@millrace/store";
import { lease, register } from "../../../support/remote-workers.ts";
import {
  completion,
  failure,
  newTask,
  openTaskStore,
  submitMany,
  type TaskStore,
} from "../../../support/task-store.ts";

let store: TaskStore;
beforeAll(async () => {
  store = await openTaskStore();
}, 60_000);
afterAll(() => store?.close());
beforeEach(async () => {
  await store.sql`truncate tasks, open_tasks, outcomes, task_keys, remote_workers, task_routes`;
});

/** A worker with so many leased tasks; their internal ids. */
async function busy(
  workerId: string,
  tasks: number,
): Promise<{ worker: RemoteWorker; seqs: readonly number[] }> {
  const worker = await register(store.sql, { workerId, capabilities: [workerId], maxConcurrentTasks: tasks });
  await submitMany(
    store.sql,
    Array.from({ length: tasks }, (_, n) =>
      newTask({ task_type: workerId, lane: "long", task_id: `${workerId}-${n}` }),
    ),
  );
  const { tasks: leased } = await lease(store.sql, worker);
  return { worker, seqs: leased.map(({ seq }) => seq) };
}

test("ends of several workers at once are each written down once, and each gets its own answer", async () => {
  const ends = new LeaseEnds(store.sql);
  const [one, other] = [await busy("one", 5), await busy("other", 5)];
  const all = [one, other].flatMap(({ worker, seqs }) =>
    seqs.map((seq) => ({ session: worker.session, seq })),
  );
  const answers = await Promise.all(all.map(({ session, seq }) => ends.settle(session, completion(seq))));
  expect(answers.map(({ kind }) => kind)).toEqual(all.map(() => "settled"));
  expect(await store.sql`select 1 from open_tasks`).toHaveLength(0);
  expect(await store.sql`select distinct claimed_by from outcomes where kind = 'completed'`).toHaveLength(2);
});

test("who speaks for a lease of somebody else changes nothing", async () => {
  const ends = new LeaseEnds(store.sql);
  const [one, other] = [await busy("one", 1), await busy("other", 1)];
  const [seq = 0] = one.seqs;
  const [wrong, late, right] = await Promise.all([
    ends.settle(other.worker.session, completion(seq)),
    ends.settle(one.worker.session, completion(seq, 2)),
    ends.settle(one.worker.session, failure(seq)),
  ]);
  expect([wrong.kind, late.kind, right.kind]).toEqual(["refused", "refused", "settled"]);
  expect(await findTask(store.sql, "one-0")).toMatchObject({ status: "pending", attempts: 1 });
});

test("what the database refuses of one worker fails for that one alone", async () => {
  const ends = new LeaseEnds(store.sql);
  const [one, other] = [await busy("one", 2), await busy("other", 1)];
  const outcomes = await Promise.allSettled([
    ends.settle(one.worker.session, { ...completion(one.seqs[0] ?? 0), attempt: 100_000 }), // No smallint.
    ends.settle(one.worker.session, completion(one.seqs[1] ?? 0)),
    ends.settle(other.worker.session, completion(other.seqs[0] ?? 0)),
  ]);
  expect(outcomes.map(({ status }) => status)).toEqual(["rejected", "rejected", "fulfilled"]);
  expect((await ends.settle(one.worker.session, completion(one.seqs[1] ?? 0))).kind).toBe("settled");
});

test("a database that is away is told as that", async () => {
  const refused = Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" });
  const away = new Proxy(store.sql, { apply: () => Promise.reject(refused) }) as Sql;
  const settling = new LeaseEnds(away).settle("w~1", completion(4_096));
  expect(await settling.catch((error: unknown) => error)).toMatchObject({ code: "STORE_UNAVAILABLE" });
});

test("drain waits for what is on its way", async () => {
  const ends = new LeaseEnds(store.sql);
  const { worker, seqs } = await busy("one", 1);
  const settling = ends.settle(worker.session, completion(seqs[0] ?? 0));
  await ends.drain();
  expect(await store.sql`select 1 from open_tasks`).toHaveLength(0);
  await settling;
});
