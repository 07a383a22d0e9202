import { workerIdOf } from "@millrace/protocol";
import { freePermits, listClaimingSessions, loseClaims } from "@millrace/store";
import type { SchedulerPorts } from "./ports.ts";
import { publishAgain } from "./publish-again.ts";

/**
 * Takes the claims of dead workers back and has their tasks run elsewhere. The attempts are recorded as lost; a worker
 * that was only cut off finds its outcomes refused when it comes back.
 */
export async function rescue(ports: SchedulerPorts): Promise<boolean> {
  for (const session of await listClaimingSessions(ports.sql)) {
    if (!(await ports.registry.confirmDeath(session))) continue;
    const lost = await loseClaims(ports.sql, session);
    await freePermits(ports.sql, session);
    if (lost.length === 0) continue;
    const dead = lost.filter((claim) => claim.isDead).length;
    ports.metrics.lostAttempts.add({}, lost.length);
    ports.log.error("a worker died; its tasks run elsewhere", {
      worker_id: workerIdOf(session),
      session,
      tasks: lost.length - dead,
      dead,
    });
    await publishAgain(
      ports,
      lost.filter((claim) => !claim.isDead).map((claim) => claim.seq),
      "rescued",
    );
    return true; // A session may hold more than one round takes.
  }
  return false;
}
