import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { createLog } from "@millrace/observe";
import { findTask, openPool, type Settlement } from "@millrace/store";
import { Attempts } from "@millrace/worker/attempts";
import {
  completion,
  failure,
  newTask,
  openTaskStore,
  submitMany,
  type TaskStore,
} from "../../support/task-store.ts";
import { startTcpGate } from "../../support/tcp-gate.ts";

const log = createLog({
  service: "test",
  level: "ERROR",
  format: "json",
  destination: { write: () => {}, flush: () => {} },
});
const SESSION = "w~1";

let store: TaskStore;
let attempts: Attempts;
beforeEach(async () => {
  store = await openTaskStore();
  attempts = new Attempts({ sql: store.sql, session: SESSION, log, slots: 100 });
});
afterEach(() => store.close());

const ids = (count: number) => Array.from({ length: count }, (_, index) => `t${index}`);

async function submit(count: number): Promise<readonly number[]> {
  return await submitMany(
    store.sql,
    ids(count).map((task_id) => newTask({ task_id })),
  );
}

async function claimed(count: number): Promise<readonly number[]> {
  const seqs = await submit(count);
  await Promise.all(seqs.map((seq) => attempts.claim({ seq, attempt: 1 })));
  return seqs;
}

/** A settlement that no validation caught: null where the table has none. */
function poison(seq: number): Settlement {
  return {
    seq,
    attempt: 1,
    kind: "failed",
    error_code: "X",
    error_message: "m",
    delay_ms: null,
  } as unknown as Settlement;
}

describe("one row that the database refuses", () => {
  test("is told so, and the outcomes beside it are written", async () => {
    const seqs = await claimed(40);
    const answers = await Promise.allSettled(
      seqs.map((seq, index) => attempts.settle(index === 17 ? poison(seq) : completion(seq))),
    );
    expect(answers.map(({ status }) => status)).toEqual(
      seqs.map((_, index) => (index === 17 ? "rejected" : "fulfilled")),
    );
    for (const [index, id] of ids(40).entries())
      expect((await findTask(store.sql, id))?.phase).toBe(index === 17 ? "running" : "done");
  });

  test("does not keep claims beside it from being made", async () => {
    const seqs = await submit(10);
    const answers = await Promise.allSettled(
      seqs.map((seq, index) => attempts.claim({ seq, attempt: index === 3 ? 2 ** 40 : 1 })),
    );
    expect(answers.filter(({ status }) => status === "rejected")).toHaveLength(1);
    expect(answers[4]).toEqual({ status: "fulfilled", value: { kind: "claimed" } });
  });
});

describe("when the database is away", () => {
  test("a claim rejects with its reason, and an outcome waits until it stands", async () => {
    const url = new URL(store.url);
    const gate = await startTcpGate({ host: url.hostname, port: Number(url.port) });
    url.port = String(gate.port);
    const sql = openPool({ url: url.href, max: 2, applicationName: "millrace-test", isByKey: true });
    const away = new Attempts({ sql, session: SESSION, log, slots: 10 });
    const [seq = 0, other = 0, third = 0] = await submit(3);
    expect(await away.claim({ seq, attempt: 1 })).toEqual({ kind: "claimed" });
    expect(await away.claim({ seq: third, attempt: 1 })).toEqual({ kind: "claimed" });

    await gate.shut();
    expect(await away.claim({ seq: other, attempt: 1 }).catch((error) => error.code)).toBeString();
    const settled = [away.settle(completion(seq)), away.settle(failure(third))];
    const early = await Promise.race([Promise.allSettled(settled), Bun.sleep(200).then(() => "waiting")]);
    expect(early).toBe("waiting");
    expect((await findTask(store.sql, "t0"))?.phase).toBe("running");

    await gate.open();
    expect((await Promise.all(settled)).map(({ kind }) => kind)).toEqual(["settled", "settled"]);
    expect((await findTask(store.sql, "t0"))?.phase).toBe("done");
    await sql.end({ timeout: 1 });
    await gate.shut();
  });
});
