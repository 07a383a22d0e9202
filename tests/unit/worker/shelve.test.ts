import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import type { Bus, Delivery } from "@millrace/bus";
import { UNKNOWN_TYPE_PAUSE_MS } from "@millrace/core/limits";
import { createLog } from "@millrace/observe";
import { LEASABLE_SUBJECT } from "@millrace/protocol";
import { Shelf, shelveDelivery } from "@millrace/worker/shelve";
import { dispatchOf, LEVEL } from "../../support/bus.ts";
import { newTask, openTaskStore, submitMany, type TaskStore } from "../../support/task-store.ts";

const delivery: Delivery = { level: LEVEL, body: "", reply: "$JS.ACK.x" };
const PAUSE = `-NAK {"delay": ${UNKNOWN_TYPE_PAUSE_MS * 1_000_000}}`;
const log = createLog({
  ...{ service: "worker", level: "CRITICAL", format: "json" },
  destination: { write: () => {}, flush: () => {} },
});

let said: string[];
beforeEach(() => {
  said = [];
});

async function shelve(answer: () => Promise<boolean>): Promise<void> {
  const publish = (subject: string, word: string) => void said.push(`${subject} ${word}`);
  const bus = { connection: { isClosed: () => false, publish } } as unknown as Bus;
  await shelveDelivery(delivery, dispatchOf(7, { task_type: "render" }), {
    bus,
    log,
    shelf: { shelve: answer },
  });
}

test("what nobody here can run goes on the shelf: its message is done with, and those who wait to lease are told", async () => {
  await shelve(async () => true);
  expect(said).toEqual([`$JS.ACK.x +ACK`, `${LEASABLE_SUBJECT} ["render"]`]);
});

test("what another worker of ours can run is offered again, and nobody else is told", async () => {
  await shelve(async () => false);
  expect(said).toEqual([`$JS.ACK.x ${PAUSE}`]);
});

test("when the database is away the message stays", async () => {
  await shelve(() => Promise.reject(new Error("away")));
  expect(said).toEqual([`$JS.ACK.x ${PAUSE}`]);
});

let store: TaskStore;
beforeAll(async () => {
  store = await openTaskStore();
}, 60_000);
afterAll(() => store?.close());

test("many at once share a few statements, and each gets the answer for its own type", async () => {
  await store.sql`insert into task_routes (task_type, is_embedded, is_leased) values ('simulate', true, false)`;
  const types = ["render", "simulate", "encode"];
  const seqs = await submitMany(
    store.sql,
    Array.from({ length: 90 }, (_, n) => newTask({ task_type: types[n % 3] ?? "" })),
  );
  const shelf = new Shelf(store.sql);
  const answers = await Promise.all(
    seqs.map((seq, n) => shelf.shelve({ seq, taskType: types[n % 3] ?? "" })),
  );
  expect(answers).toEqual(seqs.map((_, n) => n % 3 !== 1));
  const shelved =
    await store.sql`select lease_type, count(*)::integer as tasks from open_tasks where is_shelved group by 1 order by 1`;
  expect([...shelved]).toEqual([
    { lease_type: "encode", tasks: 30 },
    { lease_type: "render", tasks: 30 },
  ]);
});
