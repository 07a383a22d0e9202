import { Fault, type Identity, type Json } from "@millrace/core";
import { SCHEDULE_HORIZON_MS } from "@millrace/core/limits";
import { FILE_TASK_TYPE } from "@millrace/protocol/file-operations/index";
import { BUILT_IN_TASK_TYPES } from "@millrace/protocol/task-types/index";
import {
  type DeadLetterRow,
  listDeadLetters,
  loadDispatches,
  orStoreFault,
  reopenTask,
} from "@millrace/store";
import type { Ports } from "../ports.ts";
import { repeated } from "../tasks/intake.ts";
import { mergePatch } from "../tasks/merge-patch.ts";
import { isTooLarge, payloadProblems, TOO_LARGE } from "../tasks/read-task.ts";

export interface Redrive {
  readonly taskIds: readonly string[] | undefined;
  readonly taskType: string | undefined;
  readonly error: string | undefined;
  readonly limit: number;
  readonly ratePerSecond: number;
  /** JSON merge patch (RFC 7396) for the payloads. */
  readonly payloadPatch: Json | undefined;
  readonly correlationId: string;
}

export interface RedriveReport {
  readonly redriven: readonly string[];
  readonly skipped: readonly Skipped[];
}

interface Skipped {
  readonly task_id: string;
  readonly reason: string;
}

/** Letters held at once: each brings its payload, which may be large. */
const PAGE = 100;
/** Reopened at once, in this many transactions side by side. */
const SIDE_BY_SIDE = 4;

/**
 * Brings dead letters back at a pace: the n-th starts n / rate seconds from now, so that whatever killed them is not met
 * by all of them at once. By their ids they come in the order given, by a filter the newest first. Each keeps its policy.
 * A payload that the patch spoils is left dead. Throws PAYLOAD_TOO_LARGE for a patch that no payload could hold, and
 * STORE_UNAVAILABLE when the database goes away in between: then some are back, and the same request finds the rest.
 */
export async function redriveDeadLetters(
  ports: Ports,
  identity: Identity,
  redrive: Redrive,
): Promise<RedriveReport> {
  if (redrive.payloadPatch !== undefined && isTooLarge(redrive.payloadPatch))
    throw new Fault("PAYLOAD_TOO_LARGE", `the patch ${TOO_LARGE.message}`, {
      errors: [{ ...TOO_LARGE, path: "/payload_patch" }],
    });
  const redriven: string[] = [];
  const skipped: Skipped[] = [];
  const pace = startPace(redrive.ratePerSecond);
  for await (const page of pagesOf(ports, redrive)) {
    skipped.push(...page.skipped);
    for (const { letter, reason } of await reopenPage(ports, page.letters, { identity, redrive, pace })) {
      if (reason === undefined) redriven.push(letter.taskId);
      else skipped.push({ task_id: letter.taskId, reason });
    }
  }
  ports.log.info("dead letters redriven", {
    user_id: identity.userId,
    redriven: redriven.length,
    skipped: skipped.length,
    is_patched: redrive.payloadPatch !== undefined,
    correlation_id: redrive.correlationId,
  });
  return { redriven, skipped };
}

/** Tells each one after the other how long it waits, in ms. */
function startPace(ratePerSecond: number): () => number {
  let started = 0;
  return () => Math.floor((started++ * 1000) / ratePerSecond);
}

interface Page {
  readonly letters: readonly DeadLetterRow[];
  readonly skipped: readonly Skipped[];
}

function pagesOf(ports: Ports, redrive: Redrive): AsyncGenerator<Page> {
  return redrive.taskIds === undefined
    ? pagesByFilter(ports, redrive)
    : pagesById(ports, [...new Set(redrive.taskIds)], redrive.limit);
}

async function* pagesById(ports: Ports, ids: readonly string[], limit: number): AsyncGenerator<Page> {
  for (let start = 0; start < Math.min(ids.length, limit); start += PAGE) {
    const taskIds = ids.slice(start, Math.min(start + PAGE, limit));
    const found = await orStoreFault(listDeadLetters(ports.sql, { ownerId: null, taskIds, limit: PAGE }));
    const letterById = new Map(found.map((letter) => [letter.taskId, letter]));
    yield {
      letters: taskIds.flatMap((id) => letterById.get(id) ?? []),
      skipped: taskIds.filter((id) => !letterById.has(id)).map((id) => skip(id, "is no dead letter")),
    };
  }
  yield {
    letters: [],
    skipped: ids.slice(limit).map((id) => skip(id, "is beyond the limit of this request")),
  };
}

function skip(taskId: string, reason: string): Skipped {
  return { task_id: taskId, reason };
}

async function* pagesByFilter(ports: Ports, { taskType, error, limit }: Redrive): AsyncGenerator<Page> {
  let before: number | undefined;
  for (let start = 0; start < limit; start += PAGE) {
    const wanted = Math.min(PAGE, limit - start);
    const filter = { ownerId: null, taskType, error, before, limit: wanted };
    const letters = await orStoreFault(listDeadLetters(ports.sql, filter));
    yield { letters, skipped: [] };
    if (letters.length < wanted) return;
    before = letters.at(-1)?.seq;
  }
}

interface Reopening {
  readonly identity: Identity;
  readonly redrive: Redrive;
  readonly pace: () => number;
}

interface Reopened {
  readonly letter: DeadLetterRow;
  /** Why it was left dead; undefined when it was not. */
  readonly reason: string | undefined;
}

/** What was reopened gets its message also when the database goes away in the middle of the page. */
async function reopenPage(
  ports: Ports,
  letters: readonly DeadLetterRow[],
  reopening: Reopening,
): Promise<readonly Reopened[]> {
  const reopened: Reopened[] = [];
  const next = letters.entries();
  const reopenSome = async (): Promise<void> => {
    for (const [index, letter] of next)
      reopened[index] = { letter, reason: await reopenOne(ports, letter, reopening) };
  };
  const ends = await Promise.allSettled(Array.from({ length: SIDE_BY_SIDE }, reopenSome));
  const back = reopened.flatMap(({ letter, reason }) => (reason === undefined ? [letter.seq] : []));
  await publish(ports, back);
  for (const end of ends) if (end.status === "rejected") throw end.reason;
  return reopened;
}

async function reopenOne(
  ports: Ports,
  letter: DeadLetterRow,
  { identity, redrive, pace }: Reopening,
): Promise<string | undefined> {
  const wish = { seq: letter.seq, redrivenBy: identity.userId };
  if (redrive.payloadPatch === undefined) return await reopen(ports, { ...wish, delayMs: pace() });
  if (letter.taskType === FILE_TASK_TYPE)
    return "the payload of a file's task says whose bytes are read; it cannot be patched";
  const payload = mergePatch(letter.payload, redrive.payloadPatch);
  const [problem] = isTooLarge(payload)
    ? [TOO_LARGE]
    : payloadProblems(payload, BUILT_IN_TASK_TYPES.get(letter.taskType));
  if (problem !== undefined) return `the patched payload is wrong: ${problem.path} ${problem.message}`;
  return await reopen(ports, { ...wish, delayMs: pace(), payload });
}

async function reopen(ports: Ports, wish: Parameters<typeof reopenTask>[1]): Promise<string | undefined> {
  const isReopened = await orStoreFault(repeated(() => reopenTask(ports.hotSql, wish)));
  return isReopened ? undefined : "was redriven or discarded by somebody else";
}

/** What is due beyond the horizon is fed by the scheduler when it comes near. */
async function publish(ports: Ports, seqs: readonly number[]): Promise<void> {
  if (seqs.length === 0) return;
  const due = await orStoreFault(loadDispatches(ports.hotSql, seqs));
  const horizonMs = Date.now() + SCHEDULE_HORIZON_MS;
  ports.intake.publish(
    due
      .filter(({ readyAt }) => readyAt.getTime() <= horizonMs)
      .map(({ dispatch, readyAt }) => ({ dispatch, dueAtMs: readyAt.getTime() })),
  );
}
