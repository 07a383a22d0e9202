import { openControlBucket, readToldPauses, tellPause, tellResume } from "@millrace/bus";
import { UNPARK_TASKS_MAX } from "@millrace/core/limits";
import { listParkedNames, listPauses, type Pause, takeParked } from "@millrace/store";
import type { SchedulerPorts } from "./ports.ts";
import { publishAgain } from "./publish-again.ts";

/**
 * Brings parked tasks back whose pause has ended, in portions, the oldest first; and has the bucket `control` say what
 * the database says, when somebody could not tell it, or deleted it. What is still paused is not looked at: an idle round
 * is two small queries and one question to NATS.
 */
export async function unpark(ports: SchedulerPorts): Promise<boolean> {
  const pauses = await listPauses(ports.sql);
  const paused = new Set(pauses.map((pause) => pause.name));
  let isMore = false;
  for (const name of await listParkedNames(ports.sql)) {
    // What a guard holds back has a colon; `release-held.ts` sees to it.
    if (paused.has(name) || name.includes(":")) continue;
    const seqs = await takeParked(ports.sql, { name, limit: UNPARK_TASKS_MAX });
    const published = await publishAgain(ports, seqs, "resumed");
    if (published > 0) ports.log.info("parked tasks go on", { task_type: name, tasks: published });
    isMore ||= seqs.length === UNPARK_TASKS_MAX;
  }
  await repairBucket(ports, pauses);
  return isMore;
}

async function repairBucket({ bus, log }: SchedulerPorts, pauses: readonly Pause[]): Promise<void> {
  const told = await readToldPauses(bus);
  const untold = pauses.filter((pause) => told?.has(pause.name) !== true);
  const over = [...(told ?? [])].filter((name) => !pauses.some((pause) => pause.name === name));
  if (told !== null && untold.length + over.length === 0) return;
  const bucket = await openControlBucket(bus);
  for (const { name, pausedAt, reason } of untold)
    await tellPause(bucket, { name, paused_at: pausedAt.toISOString(), reason });
  for (const name of over) await tellResume(bucket, name);
  if (untold.length + over.length > 0)
    log.info("the bucket `control` says again what is paused", {
      paused: untold.length,
      resumed: over.length,
    });
}
