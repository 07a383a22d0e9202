import { afterEach, beforeEach, expect, test } from "bun:test";
import { ATTEMPT_NUMBER_MAX, LOST_ATTEMPTS_MAX } from "@millrace/core/limits";
import {
  claimAttempts,
  findTask,
  lastWord,
  listAttempts,
  listClaimingSessions,
  listClaims,
  listDeadLetters,
  loadDispatches,
  loseClaims,
  reopenTask,
  settleAttempts,
} from "@millrace/store";
import {
  completion,
  death,
  failure,
  openTaskStore,
  submitClaimed,
  submitOne,
  type TaskStore,
} from "../../../support/task-store.ts";

let store: TaskStore;
beforeEach(async () => {
  store = await openTaskStore(8);
});
afterEach(() => store.close());

test("a dead session's claims are free again, no failure, and other sessions keep theirs", async () => {
  const seq = await submitClaimed(store.sql, "w~dead", { task_id: "t" });
  const other = await submitClaimed(store.sql, "w~alive");
  expect(await loseClaims(store.sql, "w~dead")).toEqual([{ seq, attempt: 1, isDead: false }]);
  expect(await findTask(store.sql, "t")).toMatchObject({
    phase: "queued",
    attempts: 1,
    error: { code: "WORKER_LOST" },
  });
  expect(await listClaims(store.sql, "w~alive")).toEqual([{ seq: other, attempt: 1 }]);
  expect(await listClaimingSessions(store.sql)).toEqual(["w~alive"]);
});

test("of many rescuers at once each claim is taken back by one", async () => {
  for (let index = 0; index < 30; index++) await submitClaimed(store.sql, "w~dead");
  const lost = (await Promise.all(Array.from({ length: 8 }, () => loseClaims(store.sql, "w~dead")))).flat();
  expect(new Set(lost.map(({ seq }) => seq)).size).toBe(30);
  expect(lost).toHaveLength(30);
});

test("one loss too many buries the task, with a dead letter", async () => {
  const seq = await submitOne(store.sql, { task_id: "killer" });
  for (let attempt = 1; attempt <= LOST_ATTEMPTS_MAX + 1; attempt++) {
    await claimAttempts(store.sql, "w~1", [{ seq, attempt }]);
    const [lost] = await loseClaims(store.sql, "w~1");
    expect(lost).toEqual({ seq, attempt, isDead: attempt > LOST_ATTEMPTS_MAX });
  }
  expect(await findTask(store.sql, "killer")).toMatchObject({
    phase: "dead",
    attempts: LOST_ATTEMPTS_MAX + 1,
  });
  expect(await listDeadLetters(store.sql, { ownerId: null, limit: 10 })).toHaveLength(1);
});

test("the outcome of a session that was thought dead is refused, and changes nothing", async () => {
  const seq = await submitClaimed(store.sql, "w~1", { task_id: "t" });
  await loseClaims(store.sql, "w~1");
  expect(await settleAttempts(store.sql, "w~1", [completion(seq), death(seq)])).toEqual([
    { kind: "refused" },
    { kind: "refused" },
  ]);
  expect((await listAttempts(store.sql, seq)).map(({ status }) => status)).toEqual(["lost"]);
});

/** A task whose running attempt has this number. */
async function atAttempt(attempt: number, task_id: string): Promise<number> {
  const seq = await submitOne(store.sql, { task_id });
  await store.sql`update open_tasks set attempt = ${attempt - 1} where seq = ${seq}`;
  expect(await claimAttempts(store.sql, "w~1", [{ seq, attempt }])).toEqual([{ kind: "claimed" }]);
  return seq;
}

test("the last attempt number buries, whether it is lost, failed or given back", async () => {
  const last = ATTEMPT_NUMBER_MAX;
  await atAttempt(last, "lost");
  expect((await loseClaims(store.sql, "w~1"))[0]?.isDead).toBe(true);
  const failed = await atAttempt(last, "failed");
  const returned = await atAttempt(last, "returned");
  const answers = await settleAttempts(store.sql, "w~1", [
    failure(failed, last),
    { seq: returned, attempt: last, kind: "returned", delay_ms: 0 },
  ]);
  expect(answers).toEqual([
    { kind: "settled", readyAt: null },
    { kind: "settled", readyAt: null },
  ]);
  expect(await findTask(store.sql, "lost")).toMatchObject({ phase: "dead", error: { code: "WORKER_LOST" } });
  expect(await findTask(store.sql, "failed")).toMatchObject({ phase: "dead", error: { code: "BOOM" } });
  expect(await findTask(store.sql, "returned")).toMatchObject({
    phase: "dead",
    error: { code: "ATTEMPT_NUMBERS_USED_UP" },
  });
});

test("the number before the last has a next attempt, and the last may complete", async () => {
  const before = await atAttempt(ATTEMPT_NUMBER_MAX - 1, "t");
  await settleAttempts(store.sql, "w~1", [failure(before, ATTEMPT_NUMBER_MAX - 1)]);
  await claimAttempts(store.sql, "w~1", [{ seq: before, attempt: ATTEMPT_NUMBER_MAX }]);
  await settleAttempts(store.sql, "w~1", [completion(before, ATTEMPT_NUMBER_MAX)]);
  expect(await findTask(store.sql, "t")).toMatchObject({ phase: "done" });
  expect(lastWord(completion(1, ATTEMPT_NUMBER_MAX)).kind).toBe("completed");
});

test.each([32_768, 2 ** 31 - 1, 0, -1])(
  "a claim of attempt %d is stale, and its neighbour is claimed",
  async (attempt) => {
    const seq = await submitOne(store.sql);
    const odd = await submitOne(store.sql);
    expect(
      await claimAttempts(store.sql, "w~1", [
        { seq: odd, attempt },
        { seq, attempt: 1 },
      ]),
    ).toEqual([{ kind: "stale" }, { kind: "claimed" }]);
  },
);

test("a file that costs a worker too often is told to be quarantined, and how often it did", async () => {
  const seq = await submitOne(store.sql, { task_id: "file", lane: "file" });
  for (let attempt = 1; attempt <= LOST_ATTEMPTS_MAX + 1; attempt++) {
    await claimAttempts(store.sql, "w~1", [{ seq, attempt }]);
    await loseClaims(store.sql, "w~1");
  }
  const message = expect.stringContaining(`${LOST_ATTEMPTS_MAX + 1} times`);
  expect(await findTask(store.sql, "file")).toMatchObject({
    phase: "dead",
    error: { code: "QUARANTINED", message },
  });
  expect(await listDeadLetters(store.sql, { ownerId: null, limit: 10 })).toMatchObject([
    { taskId: "file", errorCode: "QUARANTINED", errorMessage: message },
  ]);
  expect((await listAttempts(store.sql, seq)).map((attempt) => attempt.error?.code)).toEqual([
    ...Array.from({ length: LOST_ATTEMPTS_MAX }, () => "WORKER_LOST"),
    "QUARANTINED",
  ]);
});

test("what two workers died with is to run alone, and says so to whoever runs it", async () => {
  const seq = await submitOne(store.sql, { task_id: "killer" });
  for (const attempt of [1, 2]) {
    expect((await loadDispatches(store.sql, [seq]))[0]?.dispatch.runs_alone).toBeUndefined();
    await claimAttempts(store.sql, "w~1", [{ seq, attempt }]);
    await loseClaims(store.sql, "w~1");
  }
  expect((await loadDispatches(store.sql, [seq]))[0]?.dispatch).toMatchObject({
    attempt: 3,
    runs_alone: true,
  });
});

test("failures make nobody run alone", async () => {
  const seq = await submitOne(store.sql, { task_id: "t", max_attempts: 9 });
  for (const attempt of [1, 2, 3]) {
    await claimAttempts(store.sql, "w~1", [{ seq, attempt }]);
    await settleAttempts(store.sql, "w~1", [failure(seq, attempt)]);
  }
  expect((await loadDispatches(store.sql, [seq]))[0]?.dispatch.runs_alone).toBeUndefined();
});

test("a redrive of what workers died with runs alone at once", async () => {
  const seq = await submitOne(store.sql, { task_id: "killer" });
  for (const attempt of [1, 2]) {
    await claimAttempts(store.sql, "w~1", [{ seq, attempt }]);
    await loseClaims(store.sql, "w~1");
  }
  await claimAttempts(store.sql, "w~1", [{ seq, attempt: 3 }]);
  await settleAttempts(store.sql, "w~1", [{ ...death(seq, 3), log: "last words\0 \ud800" }]);
  expect((await listAttempts(store.sql, seq)).map(({ log }) => log)).toEqual([
    null,
    null,
    "last words \ufffd",
  ]);
  expect(await reopenTask(store.sql, { seq, redrivenBy: 1, delayMs: 0 })).toBe(true);
  expect((await loadDispatches(store.sql, [seq]))[0]?.dispatch).toMatchObject({
    attempt: 4,
    runs_alone: true,
  });
});
