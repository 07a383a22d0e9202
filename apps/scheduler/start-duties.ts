import { onPausesChanged, onSchedulesChanged } from "@millrace/bus";
import { SCHEDULE_LOOK_MS_MAX } from "@millrace/core/limits";
import type { WorkerBeat } from "@millrace/protocol";
import { advance } from "./advance.ts";
import { announce } from "./announce.ts";
import { Duty } from "./duty.ts";
import { endLeases } from "./end-leases.ts";
import { expire } from "./expire.ts";
import { FEED_EVERY_MS, feed } from "./feed.ts";
import { ScheduleFirer } from "./fire-schedules.ts";
import { keepPartitions } from "./keep-partitions.ts";
import { RouteKeeper } from "./keep-routes.ts";
import { monitorDeadLetters } from "./monitor-dead-letters.ts";
import type { SchedulerPorts } from "./ports.ts";
import { reconcile } from "./reconcile.ts";
import { HeldReleaser } from "./release-held.ts";
import { rescue } from "./rescue.ts";
import type { FileSweeper } from "./sweep-files.ts";
import { KeySweeper } from "./sweep-keys.ts";
import { unpark } from "./unpark.ts";

const SECOND_MS = 1_000;
/** How long a death may go unnoticed beyond the missed heartbeats themselves. */
const LOOK_FOR_DEATHS_MS = 500;

export interface DutyRules {
  /** TASK_RETENTION_DAYS. */
  readonly retentionDays: number;
  readonly fileSweeper: Pick<FileSweeper, "round">;
}

/** All that a scheduler does. Several may do it at the same time: each step takes what no other one has taken. */
export async function startDuties(
  ports: SchedulerPorts,
  { retentionDays, fileSweeper }: DutyRules,
): Promise<() => Promise<void>> {
  const { log } = ports;
  const rescuer = new Duty({ name: "rescue", everyMs: 15 * SECOND_MS, round: () => rescue(ports), log });
  const unparker = new Duty({ name: "unpark", everyMs: 15 * SECOND_MS, round: () => unpark(ports), log });
  const routeKeeper = new RouteKeeper(ports);
  const keySweeper = new KeySweeper(ports);
  const duties = [
    rescuer,
    unparker,
    new Duty({ name: "reconcile", everyMs: 5 * SECOND_MS, round: () => reconcile(ports), log }),
    new Duty({ name: "advance", everyMs: 2 * SECOND_MS, round: () => advance(ports), log }),
    new Duty({ name: "announce", everyMs: 10 * SECOND_MS, round: () => announce(ports), log }),
    new Duty({ name: "expire", everyMs: 3 * SECOND_MS, round: () => expire(ports), log }),
    new Duty({ name: "end leases", everyMs: 2 * SECOND_MS, round: () => endLeases(ports), log }),
    new Duty({ name: "keep routes", everyMs: 15 * SECOND_MS, round: () => routeKeeper.round(), log }),
    new Duty({ name: "sweep keys", everyMs: 30 * SECOND_MS, round: () => keySweeper.round(), log }),
    new Duty({ name: "feed", everyMs: FEED_EVERY_MS, round: () => feed(ports), log }),
    new Duty({
      name: "keep partitions",
      everyMs: 3_600 * SECOND_MS,
      round: () => keepPartitions(ports, retentionDays),
      log,
    }),
    new Duty({ name: "sweep files", everyMs: 60 * SECOND_MS, round: () => fileSweeper.round(), log }),
  ];
  const stopFiring = startFiring(ports);
  const stopReleasing = await startReleasing(ports);
  const stopHearing = onPausesChanged(ports.bus, () => unparker.nudge());
  const stopMonitor = await monitorDeadLetters(ports);
  for (const duty of duties) duty.start();
  const lookout = setInterval(() => {
    if (ports.registry.takeDeaths()) rescuer.nudge();
    for (const beat of ports.registry.takeDead()) tellDeath(ports, beat);
  }, LOOK_FOR_DEATHS_MS);
  return async () => {
    clearInterval(lookout);
    stopHearing();
    await Promise.all([stopFiring(), stopReleasing(), ...duties.map((duty) => duty.stop())]);
    await stopMonitor();
  };
}

function tellDeath({ log, metrics }: SchedulerPorts, beat: WorkerBeat): void {
  metrics.deadWorkers.add({ kind: beat.owner_id === undefined ? "own" : "http" });
  log.error("a worker is dead: its heartbeats stopped", {
    worker_id: beat.worker_id,
    session: beat.session,
    last_heartbeat_at: beat.last_heartbeat_at,
    current_tasks: beat.current_tasks.length,
  });
}

/** Lets go on what breakers and limits hold back; whoever changes one of them says so. */
async function startReleasing(ports: SchedulerPorts): Promise<() => Promise<void>> {
  const releaser = new HeldReleaser(ports, () => duty.nudge());
  const duty = new Duty({
    name: "release held",
    everyMs: 15 * SECOND_MS,
    round: () => releaser.round(),
    log: ports.log,
  });
  await releaser.start();
  duty.start();
  return async () => {
    releaser.stop();
    await duty.stop();
  };
}

/** Fires schedules; whoever changes one says so, and the next due time is looked at again. */
function startFiring(ports: SchedulerPorts): () => Promise<void> {
  const firer = new ScheduleFirer(ports, () => duty.nudge());
  const duty = new Duty({
    name: "fire schedules",
    everyMs: SCHEDULE_LOOK_MS_MAX,
    round: () => firer.round(),
    log: ports.log,
  });
  const stopListening = onSchedulesChanged(ports.bus, () => duty.nudge());
  duty.start();
  return async () => {
    stopListening();
    await duty.stop();
    firer.stop();
  };
}
