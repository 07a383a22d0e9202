import { afterAll, beforeAll, expect, test } from "bun:test";
import { claimAttempts, fillPayload, settleAttempts } from "@millrace/store";
import { advanceAll, end, submitShape } from "../../../support/graph-store.ts";
import { openTaskStore, type TaskStore } from "../../../support/task-store.ts";

let store: TaskStore;
beforeAll(async () => {
  store = await openTaskStore(4);
}, 60_000);
afterAll(() => store.close());

async function complete(seq: number, result: never): Promise<void> {
  await claimAttempts(store.sql, "w~1", [{ seq, attempt: 1 }]);
  await settleAttempts(store.sql, "w~1", [{ seq, attempt: 1, kind: "completed", result }]);
}

test("the results of the parents are filled in, those of failed ones as null", async () => {
  const seqs = await submitShape(store.sql, { a: [], bad: [], other: [] });
  await complete(seqs.get("a") ?? 0, { n: [1, { "ä\0": "x" }] } as never);
  await end(store.sql, [seqs.get("bad") ?? 0], "dead");
  const payload = { n: "{{tasks.a.result.n}}", bad: "{{tasks.bad.result.x}}" };
  const child = await submitShape(
    store.sql,
    { c: ["a", "bad", "other"] },
    { payload, on_parent_failure: "run" },
  );
  await advanceAll(store.sql);
  expect(await fillPayload(store.sql, child.get("c") ?? 0, payload)).toEqual({
    ok: true,
    payload: { n: [1, { "ä\0": "x" }], bad: null },
  });
});

test("a path that is not there is an error, and so is a parent whose day is over", async () => {
  const seqs = await submitShape(store.sql, { p: [], q: ["p"] });
  await end(store.sql, [seqs.get("p") ?? 0]);
  const q = seqs.get("q") ?? 0;
  expect(await fillPayload(store.sql, q, "{{tasks.p.result.none}}")).toMatchObject({
    error: { code: "TEMPLATE_PATH_MISSING", message: "/payload: the result of p has no none" },
  });
  await store.sql`delete from task_edges where child = ${q}`;
  expect(await fillPayload(store.sql, q, "{{tasks.p.result}}")).toMatchObject({
    error: { code: "TEMPLATE_PARENT_GONE" },
  });
});

test("results that are too long together are not read, and are told of", async () => {
  const ids = Array.from({ length: 40 }, (_, n) => `big${n}`);
  const seqs = await submitShape(store.sql, { ...Object.fromEntries(ids.map((id) => [id, []])), sum: ids });
  for (const id of ids) await complete(seqs.get(id) ?? 0, "x".repeat(200_000) as never);
  const payload = ids.map((id) => `{{tasks.${id}.result}}`);
  const sum = seqs.get("sum") ?? 0;
  expect(await fillPayload(store.sql, sum, payload)).toMatchObject({ error: { code: "TEMPLATE_TOO_LARGE" } });
  expect(await fillPayload(store.sql, sum, payload.slice(0, 10))).toMatchObject({
    error: { code: "TEMPLATE_TOO_LARGE" },
  });
  expect(await fillPayload(store.sql, sum, payload.slice(0, 5))).toMatchObject({ ok: true });
});
