import type { Identity, Json } from "@millrace/core";
import { SCHEDULE_HORIZON_MS } from "@millrace/core/limits";
import { BUILT_IN_TASK_TYPES } from "@millrace/protocol/task-types/index";
import {
  type DeadLetterRow,
  listDeadLetters,
  loadDispatches,
  orStoreFault,
  reopenTask,
} from "@millrace/store";
import type { Ports } from "../ports.ts";
import { mergePatch } from "../tasks/merge-patch.ts";

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
  readonly skipped: readonly { readonly task_id: string; readonly reason: string }[];
}

/** Reopened at once, in this many transactions side by side. */
const SIDE_BY_SIDE = 4;

/**
 * Brings dead letters back, oldest last, at a pace: the n-th starts n / rate seconds from now, so that whatever killed
 * them is not met by all of them at once. Each keeps its policy. A payload that the patch spoils is left dead.
 */
export async function redriveDeadLetters(
  ports: Ports,
  identity: Identity,
  redrive: Redrive,
): Promise<RedriveReport> {
  const { taskIds, taskType, error, limit } = redrive;
  const letters = await orStoreFault(
    listDeadLetters(ports.sql, { ownerId: null, taskIds, taskType, error, limit }),
  );
  const found = new Set(letters.map((letter) => letter.taskId));
  const skipped = (taskIds ?? [])
    .filter((id) => !found.has(id))
    .map((id) => ({ task_id: id, reason: "is no dead letter" }));
  const redriven: DeadLetterRow[] = [];
  let started = 0;
  const next = letters.values();
  const reopenSome = async (): Promise<void> => {
    for (const letter of next) {
      const payload =
        redrive.payloadPatch === undefined ? undefined : mergePatch(letter.payload, redrive.payloadPatch);
      const problem =
        payload === undefined ? undefined : BUILT_IN_TASK_TYPES.get(letter.taskType)?.check(payload)[0];
      if (problem !== undefined) {
        skipped.push({
          task_id: letter.taskId,
          reason: `the patched payload is wrong: ${problem.path} ${problem.message}`,
        });
        continue;
      }
      const delayMs = Math.floor((started++ * 1000) / redrive.ratePerSecond);
      const wish = { seq: letter.seq, redrivenBy: identity.userId, delayMs };
      const isReopened = await orStoreFault(
        reopenTask(ports.hotSql, payload === undefined ? wish : { ...wish, payload }),
      );
      if (isReopened) redriven.push(letter);
      else skipped.push({ task_id: letter.taskId, reason: "was redriven or discarded by somebody else" });
    }
  };
  await Promise.all(Array.from({ length: SIDE_BY_SIDE }, reopenSome));
  await publish(ports, redriven);
  ports.log.info("dead letters redriven", {
    user_id: identity.userId,
    redriven: redriven.length,
    skipped: skipped.length,
    is_patched: redrive.payloadPatch !== undefined,
    correlation_id: redrive.correlationId,
  });
  return { redriven: redriven.map((letter) => letter.taskId), skipped };
}

/** What is due beyond the horizon is fed by the scheduler when it comes near. */
async function publish(ports: Ports, redriven: readonly DeadLetterRow[]): Promise<void> {
  const due = await orStoreFault(
    loadDispatches(
      ports.hotSql,
      redriven.map((letter) => letter.seq),
    ),
  );
  const horizonMs = Date.now() + SCHEDULE_HORIZON_MS;
  ports.intake.publish(
    due
      .filter(({ readyAt }) => readyAt.getTime() <= horizonMs)
      .map(({ dispatch, readyAt }) => ({ dispatch, dueAtMs: readyAt.getTime() })),
  );
}
