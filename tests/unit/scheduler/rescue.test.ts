import { afterEach, beforeEach, expect, test } from "bun:test";
import { LOST_ATTEMPTS_MAX } from "@millrace/core/limits";
import { DLQ_STREAM, TASKS_STREAM } from "@millrace/protocol";
import { announce } from "@millrace/scheduler/announce";
import { rescue } from "@millrace/scheduler/rescue";
import { claimAttempts, findTask, listAttempts, settleAttempts } from "@millrace/store";
import { LEVEL, pullAll, until } from "../../support/bus.ts";
import { beatOf, type SchedulerUnderTest, startScheduler } from "../../support/scheduler.ts";
import { completion, newTask, submitClaimed, submitMany } from "../../support/task-store.ts";

let it: SchedulerUnderTest;
beforeEach(async () => {
  it = await startScheduler();
});
afterEach(() => it.close());

async function messages(stream = TASKS_STREAM): Promise<number> {
  return (await it.under.bus.manager.streams.info(stream)).state.messages;
}

/** As the duty does: round after round, until nothing is left. */
async function rescueAll(): Promise<number> {
  for (let rounds = 1; rounds <= 20; rounds++) if (!(await rescue(it.ports))) return rounds;
  throw new Error("it never comes to an end");
}

test("the claims of a worker that fell silent are taken back and their next attempts published", async () => {
  it.ports.registry.hear(beatOf("w", "a"));
  const seq = await submitClaimed(it.store.sql, "w~a", { task_id: "lost" });
  it.advance(60_000);
  await rescueAll();
  const [delivery] = await pullAll(it.under.bus, LEVEL, 1);
  expect(JSON.parse(delivery?.body ?? "{}")).toMatchObject({ seq, attempt: 2, failures: 0 });
  expect(await listAttempts(it.store.sql, seq)).toMatchObject([
    { attempt: 1, status: "lost", workerId: "w" },
  ]);
  expect(await findTask(it.store.sql, "lost")).toMatchObject({ phase: "queued", attempts: 1 });
  expect(it.lines).toContainEqual(
    expect.objectContaining({
      level: "ERROR",
      message: "a worker died; its tasks run elsewhere",
      worker_id: "w",
      session: "w~a",
      tasks: 1,
      dead: 0,
    }),
  );
});

test("what the dead one says when it comes back is refused", async () => {
  it.ports.registry.hear(beatOf("w", "a"));
  const seq = await submitClaimed(it.store.sql, "w~a");
  it.advance(60_000);
  await rescueAll();
  expect(await settleAttempts(it.store.sql, "w~a", [completion(seq)])).toEqual([{ kind: "refused" }]);
});

test("a worker that beats keeps its claims, and so does one that is only late", async () => {
  it.ports.registry.hear(beatOf("late", "a", 10));
  const late = await submitClaimed(it.store.sql, "late~a", { task_id: "late" });
  it.advance(25_000);
  it.ports.registry.hear(beatOf("alive", "a", 10));
  await submitClaimed(it.store.sql, "alive~a", { task_id: "alive" });
  expect(await rescueAll()).toBe(1);
  expect([await messages(), (await findTask(it.store.sql, "late"))?.seq]).toEqual([0, late]);
  for (const id of ["late", "alive"])
    expect(await findTask(it.store.sql, id)).toMatchObject({ phase: "running" });
});

test("a worker that came back as another session loses the claims of its former life at once", async () => {
  it.ports.registry.hear(beatOf("w", "a"));
  await submitClaimed(it.store.sql, "w~a", { task_id: "former" });
  it.ports.registry.hear(beatOf("w", "b"));
  await submitClaimed(it.store.sql, "w~b", { task_id: "present" });
  await rescueAll();
  expect(await findTask(it.store.sql, "former")).toMatchObject({ phase: "queued" });
  expect(await findTask(it.store.sql, "present")).toMatchObject({ phase: "running" });
});

test("a session that nobody ever heard of keeps its claims for a grace, and no longer", async () => {
  await submitClaimed(it.store.sql, "ghost~a", { task_id: "ghost" });
  await rescueAll();
  expect(await findTask(it.store.sql, "ghost")).toMatchObject({ phase: "running" });
  it.advance(11_000);
  await rescueAll();
  expect(await findTask(it.store.sql, "ghost")).toMatchObject({ phase: "queued" });
});

test("two dead workers with more claims than one round takes lose all of them, by two schedulers, each once", async () => {
  const claim = async (session: string, count: number): Promise<void> => {
    const seqs = await submitMany(
      it.store.sql,
      Array.from({ length: count }, () => newTask()),
    );
    await claimAttempts(
      it.store.sql,
      session,
      seqs.map((seq) => ({ seq, attempt: 1 })),
    );
  };
  it.ports.registry.hear(beatOf("w1", "a"));
  it.ports.registry.hear(beatOf("w2", "a"));
  await claim("w1~a", 2_500);
  await claim("w2~a", 100);
  it.advance(60_000);
  await Promise.all([rescueAll(), rescueAll()]);
  const [row] = await it.store.sql<{ claimed: number; lost: number }[]>`
    select (select count(*)::integer from open_tasks where claimed_by is not null) as claimed,
      (select count(*)::integer from outcomes where kind = 'lost') as lost`;
  expect([row, await messages()]).toEqual([{ claimed: 0, lost: 2_600 }, 2_600]);
}, 20_000);

test("a task that was lost too often is buried, not published, and its dead letter is announced", async () => {
  it.ports.registry.hear(beatOf("w", "a"));
  const seq = await submitClaimed(it.store.sql, "w~a", { task_id: "killer", payload: { bad: true } });
  for (let losses = 0; losses <= LOST_ATTEMPTS_MAX; losses++) {
    if (losses > 0) await claimAttempts(it.store.sql, "w~a", [{ seq, attempt: losses + 1 }]);
    it.advance(60_000);
    await rescueAll();
  }
  expect(await findTask(it.store.sql, "killer")).toMatchObject({
    phase: "dead",
    attempts: LOST_ATTEMPTS_MAX + 1,
    error: { code: "WORKER_LOST" },
  });
  expect(await messages()).toBe(LOST_ATTEMPTS_MAX);
  await announce(it.ports);
  await until("the copy is there", async () => (await messages(DLQ_STREAM)) === 1);
  const copy = await it.under.bus.manager.streams.getMessage(DLQ_STREAM, { seq: 1 });
  expect(copy?.json<unknown>()).toMatchObject({
    task_id: "killer",
    payload: { bad: true },
    attempts: LOST_ATTEMPTS_MAX + 1,
    error: { code: "WORKER_LOST" },
  });
});

test("while NATS takes nothing the claims are taken back all the same; the messages are the reconciler's", async () => {
  it.ports.registry.hear(beatOf("w", "a"));
  await submitClaimed(it.store.sql, "w~a", { task_id: "no-nats" });
  it.advance(60_000);
  const publisher = { publish: () => Promise.reject(new Error("away")), drain: async () => {} };
  await expect(rescue({ ...it.ports, publisher })).rejects.toThrow("away");
  expect(await findTask(it.store.sql, "no-nats")).toMatchObject({ phase: "queued" });
});
