import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import type { Bus, DispatchPublisher, Outgoing } from "@millrace/bus";
import { createLog } from "@millrace/observe";
import { claimAttempts, findTask, openPool, settleAttempts } from "@millrace/store";
import { RunningAttempts } from "@millrace/worker/running";
import { SelfAudit } from "@millrace/worker/self-audit";
import { dispatchOf, LEVEL, until } from "../../support/bus.ts";
import {
  completion,
  openTaskStore,
  submitClaimed,
  submitOne,
  type TaskStore,
} from "../../support/task-store.ts";
import { startTcpGate } from "../../support/tcp-gate.ts";

const SESSION = "w~1";
const log = createLog({
  service: "test",
  level: "CRITICAL",
  format: "json",
  destination: { write: () => {}, flush: () => {} },
});
const bus = { connection: { isClosed: () => true } } as unknown as Bus;

let store: TaskStore;
let running: RunningAttempts;
let published: Outgoing[];
let audit: SelfAudit;

beforeAll(async () => {
  store = await openTaskStore();
});
afterAll(() => store.close());
beforeEach(() => {
  running = new RunningAttempts(bus);
  published = [];
  audit = auditOn(store.sql);
});
afterEach(async () => {
  audit.stop();
  running.stop();
  await store.sql`truncate open_tasks`;
});

const publisher = {
  publish: async (messages: readonly Outgoing[]) => {
    published.push(...messages);
    return messages.map(() => true);
  },
} as unknown as DispatchPublisher;

const LOOK_MS = 30;

function auditOn(sql: TaskStore["sql"]): SelfAudit {
  return new SelfAudit({ sql, session: SESSION, running, publisher, log, lookMs: LOOK_MS, retryMs: LOOK_MS });
}

const phase = async (taskId: string) => (await findTask(store.sql, taskId))?.phase;

function pretendToRun(seq: number): void {
  const delivery = { level: LEVEL, body: "", reply: "" };
  running.add({ dispatch: dispatchOf(seq), delivery, abort: new AbortController(), startedAtMs: 0 });
}

describe("a claim that nobody here runs", () => {
  test("is given back without a failure, and its next attempt is published", async () => {
    const seq = await submitClaimed(store.sql, SESSION, { task_id: "orphan" });
    audit.request();
    await until("it is free again", async () => (await phase("orphan")) === "queued");
    await until("it is published", () => published.length === 1);
    expect(published[0]?.dispatch).toMatchObject({ seq, attempt: 2, failures: 0 });
  });

  test("is left alone as long as the answer to it may still come", async () => {
    const seq = await submitClaimed(store.sql, SESSION, { task_id: "asked" });
    const answer = Promise.withResolvers<void>();
    const asking = running.whileAsked(seq, answer.promise);
    audit.request();
    await until("others have been given back meanwhile, thrice", async () => {
      for (const name of ["one", "two", "three"]) {
        await submitClaimed(store.sql, SESSION, { task_id: name });
        audit.request();
        await until(`${name} is free`, async () => (await phase(name)) === "queued");
      }
      return true;
    });
    expect(await phase("asked")).toBe("running");
    answer.reject(new Error("the connection broke"));
    await asking.catch(() => {});
    audit.request();
    await until("it is free again", async () => (await phase("asked")) === "queued");
  });

  test("is only given back at the second look: the first may have come between the claim and its start", async () => {
    const seq = await submitClaimed(store.sql, SESSION, { task_id: "starting" });
    let looks = 0;
    const seen = running.has.bind(running);
    running.has = (each) => {
      if (each === seq) looks += 1;
      if (looks === 1 && each === seq) queueMicrotask(() => pretendToRun(seq)); // Started right after the first look.
      return seen(each);
    };
    audit.request();
    await until("it has looked twice", () => looks >= 2);
    await until("another look at others has passed", async () => {
      await submitClaimed(store.sql, SESSION, { task_id: "other" }).catch(() => {});
      audit.request();
      return (await phase("other")) === "queued";
    });
    expect(await phase("starting")).toBe("running");
    expect(published.map(({ dispatch }) => dispatch.task_id)).not.toContain("starting");
  });

  test("is left alone when it runs here, or belongs to another session", async () => {
    const mine = await submitClaimed(store.sql, SESSION, { task_id: "mine" });
    pretendToRun(mine);
    await submitClaimed(store.sql, "w~2", { task_id: "theirs" });
    await submitClaimed(store.sql, SESSION, { task_id: "lost" });
    audit.request();
    await until("the lost one is free", async () => (await phase("lost")) === "queued");
    expect([await phase("mine"), await phase("theirs")]).toEqual(["running", "running"]);
  });

  test("that is settled between the looks is left alone", async () => {
    const seq = await submitClaimed(store.sql, SESSION, { task_id: "late" });
    audit.request();
    await settleAttempts(store.sql, SESSION, [completion(seq)]);
    await submitClaimed(store.sql, SESSION, { task_id: "orphan-2" });
    await until("the orphan is free", async () => {
      audit.request();
      return (await phase("orphan-2")) === "queued";
    });
    expect(await phase("late")).toBe("done");
  });
});

test("nothing is asked of the database unless something happened", async () => {
  const seq = await submitOne(store.sql, { task_id: "quiet" });
  await claimAttempts(store.sql, SESSION, [{ seq, attempt: 1 }]);
  const startedAt = performance.now();
  await until("several looks would have passed", () => performance.now() - startedAt > LOOK_MS * 5);
  expect(await phase("quiet")).toBe("running");
});

test("a database that is away is asked again, until it answers", async () => {
  const url = new URL(store.url);
  const gate = await startTcpGate({ host: url.hostname, port: Number(url.port) });
  url.port = String(gate.port);
  const sql = openPool({ url: url.href, max: 1, applicationName: "millrace-test" });
  await submitClaimed(store.sql, SESSION, { task_id: "patient" });
  await gate.shut();
  const far = auditOn(sql);
  far.request();
  const startedAt = performance.now();
  await until("it has failed for a while", () => performance.now() - startedAt > LOOK_MS * 5);
  expect(await phase("patient")).toBe("running");
  await gate.open();
  await until("it is free again", async () => (await phase("patient")) === "queued");
  far.stop();
  await sql.end({ timeout: 1 });
  await gate.shut();
});

test("after stop it looks no more, whoever asks", async () => {
  await submitClaimed(store.sql, SESSION, { task_id: "left" });
  audit.request();
  audit.stop();
  audit.request();
  const startedAt = performance.now();
  await until("several looks would have passed", () => performance.now() - startedAt > LOOK_MS * 5);
  expect(await phase("left")).toBe("running");
});
