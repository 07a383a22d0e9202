import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import type { Bus, Delivery, Outgoing } from "@millrace/bus";
import { createLog } from "@millrace/observe";
import { type Sql, submitKeyed } from "@millrace/store";
import { sealDelivery } from "@millrace/worker/seal";
import { dispatchOf, LEVEL } from "../../support/bus.ts";
import { newTask, openTaskStore, type TaskStore } from "../../support/task-store.ts";

let store: TaskStore;
beforeAll(async () => {
  store = await openTaskStore();
}, 60_000);
afterAll(() => store?.close());

const delivery: Delivery = { level: LEVEL, body: "", reply: "$JS.ACK.x" };
const log = createLog({
  ...{ service: "worker", level: "CRITICAL", format: "json" },
  destination: { write: () => {}, flush: () => {} },
});
let said: string[];
let published: Outgoing[];
beforeEach(async () => {
  said = [];
  published = [];
  await store.sql`truncate tasks, open_tasks, task_keys, dedup_keys`;
});

function seal(seq: number, sql: Sql = store.sql, publish = async (): Promise<boolean[]> => [true]) {
  const connection = { isClosed: () => false, publish: (_: string, word: string) => said.push(word) };
  const publisher = {
    publish: (messages: readonly Outgoing[]) => {
      published.push(...messages);
      return publish();
    },
  };
  const ports = { bus: { connection } as unknown as Bus, log, sql, publisher };
  return sealDelivery(
    delivery,
    dispatchOf(seq, { payload: { n: "old" }, is_debounced: true }),
    ports as unknown as Parameters<typeof sealDelivery>[2],
  );
}

async function debounced(seconds: number): Promise<number> {
  const task = newTask({
    ...{ payload: { n: "new" }, run_at: new Date(Date.now() + seconds * 1_000).toISOString() },
    dedup: { kind: "debounce", key: "k", seconds: Math.max(1, seconds), max_wait_s: 1_000 },
  });
  const [answer] = await submitKeyed(store.sql, [task]);
  return answer?.kind === "stored" ? answer.seq : 0;
}

test("when its time has come, it goes on with the payload that counts, and as a task like any other", async () => {
  const seq = await debounced(-1);
  const dispatch = await seal(seq);
  expect([dispatch?.payload, dispatch?.is_debounced]).toEqual([{ n: "new" }, undefined]);
  expect(said).toEqual([]);
  expect((await seal(seq))?.payload).toEqual({ n: "new" }); // Its worker may have died on the way.
});

test("a message that is a little early comes again when it is time", async () => {
  expect(await seal(await debounced(4))).toBeNull();
  const delayNs = Number(/^-NAK \{"delay": (\d+)\}$/.exec(said[0] ?? "")?.[1]);
  expect(delayNs).toBeGreaterThan(0);
  expect(delayNs).toBeLessThanOrEqual(4_000_000_000);
  expect(published).toEqual([]);
});

test("one that is far too early is scheduled again, still marked, before it is acknowledged", async () => {
  expect(await seal(await debounced(600))).toBeNull();
  expect(said).toEqual(["+ACK"]);
  expect(published).toMatchObject([{ dispatch: { is_debounced: true } }]);
  expect(published[0]?.dueAtMs).toBeGreaterThan(Date.now() + 500_000);
});

test("when that fails, or the database is away, the message comes again, and nothing runs", async () => {
  const seq = await debounced(600);
  expect(await seal(seq, store.sql, () => Promise.reject(new Error("no broker")))).toBeNull();
  const away = (() => Promise.reject(new Error("no database"))) as unknown as Sql;
  expect(await seal(seq, away)).toBeNull();
  expect(said).toEqual(['-NAK {"delay": 1000000000}', '-NAK {"delay": 1000000000}']);
});

test("of a task that has been dropped the message is done with", async () => {
  expect(await seal(4_096)).toBeNull();
  expect(said).toEqual(["+ACK"]);
});
