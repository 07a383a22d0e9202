import { verdictFor } from "@millrace/core";
import { LEASE_S } from "@millrace/core/limits";
import { backoffFromWords, workerIdOf } from "@millrace/protocol";
import {
  findTimedOutLeases,
  hasExpiredLeases,
  loseLeases,
  type Settlement,
  settleAttempts,
  type TimedOutLease,
} from "@millrace/store";
import type { SchedulerPorts } from "./ports.ts";
import { publishAgain } from "./publish-again.ts";

/**
 * Takes back what workers over HTTP have leased and say nothing about, by the database's clock: the attempt is lost, and
 * the task goes to somebody else. And ends what has come to its task's time-out, however alive its worker is: that is a
 * failure like any other. A worker that was merely slow finds its lease lost.
 */
export async function endLeases(ports: SchedulerPorts, random: () => number = Math.random): Promise<boolean> {
  if (!(await hasExpiredLeases(ports.sql))) return false;
  const timedOut = await findTimedOutLeases(ports.sql);
  for (const lease of timedOut) await failForTime(ports, lease, random);
  // Who has beaten since it last extended its lease forgot the task; who has not may have died of it.
  const lost = await loseLeases(ports.sql, ports.registry.heardWithin(LEASE_S * 1000));
  if (lost.length === 0) return false;
  ports.metrics.lostAttempts.add({}, lost.length);
  ports.log.warning("leases ran out; their tasks go to other workers", {
    worker_ids: [...new Set(lost.map(({ session }) => workerIdOf(session)))].slice(0, 20),
    tasks: lost.length,
    dead: lost.filter((claim) => claim.isDead).length,
  });
  await publishAgain(
    ports,
    lost.filter((claim) => !claim.isDead).map((claim) => claim.seq),
    "lease expired",
  );
  if (lost.some((claim) => claim.isDead)) await ports.endTeller.tellAll();
  return false;
}

async function failForTime(ports: SchedulerPorts, lease: TimedOutLease, random: () => number): Promise<void> {
  const { seq, session } = lease;
  const settlement = timeOut(lease, random);
  const [answer] = await settleAttempts(ports.sql, session, [settlement]);
  if (answer?.kind !== "settled") return; // It ended at the last moment.
  ports.log.info("a lease came to its task's time-out", { worker_id: workerIdOf(session), seq });
  if (settlement.kind === "failed") await publishAgain(ports, [seq], "retry");
  else if (answer.hasChildren === true) await ports.endTeller.tellAll();
}

function timeOut(lease: TimedOutLease, random: () => number): Settlement {
  const { seq, attempt, failures, maxAttempts, timeoutS } = lease;
  const error = { code: "TIMEOUT", message: `it ran longer than ${timeoutS} s` };
  const verdict = verdictFor({
    outcome: { kind: "failed", error, isRetryable: true },
    ...{ failures, maxAttempts, backoff: backoffFromWords(lease.backoff), random },
  });
  const fields = { seq, attempt, error_code: error.code, error_message: error.message };
  return verdict.kind === "retry"
    ? { ...fields, kind: "failed", delay_ms: verdict.delayMs }
    : { ...fields, kind: "dead" };
}
