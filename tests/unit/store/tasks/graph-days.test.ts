import { afterEach, beforeEach, expect, test } from "bun:test";
import { dropOldPartitions, fillPayload, readGraph, reopenTask } from "@millrace/store";
import { advanceAll, end, phasesOf, submitShape } from "../../../support/graph-store.ts";
import { openTaskStore, type TaskStore } from "../../../support/task-store.ts";

let store: TaskStore;
beforeEach(async () => {
  store = await openTaskStore(4);
  await store.sql`select make_partitions((now() at time zone 'UTC')::date - 40, 1)`;
}, 60_000);
afterEach(() => store.close());

/** Ids as if the clock stood that many days back. */
async function turnClock(daysBack: number): Promise<void> {
  await store.sql.unsafe(`create or replace function next_task_seq() returns bigint language sql volatile as
    'select seq_at(now() - interval ''${daysBack} days'') + nextval(''task_seq'')'`);
}

test("a day goes with its edges, but not before everybody who depends on one of its tasks has ended", async () => {
  await turnClock(40);
  const old = await submitShape(store.sql, { old: [], above: [], between: ["above"] });
  await end(store.sql, [old.get("old") ?? 0, old.get("above") ?? 0]);
  await advanceAll(store.sql);
  await end(store.sql, [old.get("between") ?? 0]);
  await turnClock(0);
  const seqs = await submitShape(store.sql, { now: [], child: ["old", "now"] });
  const child = seqs.get("child") ?? 0;
  expect(await dropOldPartitions(store.sql, 30)).toEqual([]);
  expect(await fillPayload(store.sql, child, "{{tasks.old.result.seq}}")).toMatchObject({ ok: true });
  await end(store.sql, [seqs.get("now") ?? 0]);
  await advanceAll(store.sql);
  await end(store.sql, [child], "dead");
  expect(await dropOldPartitions(store.sql, 30)).toHaveLength(1);
  const { nodes, edges } = await readGraph(store.sql, child);
  expect(nodes.map(({ taskId }) => taskId)).toEqual(["now", "child"]);
  expect(edges).toEqual([{ from: seqs.get("now") ?? 0, to: child }]);
  // What came back does not wait for those who are forgotten.
  expect(await reopenTask(store.sql, { seq: child, redrivenBy: 1, delayMs: 0 })).toBe(true);
  expect(await phasesOf(store.sql, ["child"])).toEqual({ child: "queued" });
});
