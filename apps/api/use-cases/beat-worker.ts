import type { Identity } from "@millrace/core";
import type { SystemInfo } from "@millrace/protocol";
import { drainRemoteWorker, orStoreFault } from "@millrace/store";
import type { Ports } from "../ports.ts";
import { beatOf } from "./register-worker.ts";

export interface Heartbeat {
  readonly workerId: string;
  readonly session?: string | undefined;
  readonly status: "active" | "draining";
  readonly currentTasks: readonly string[];
  readonly systemInfo: Partial<SystemInfo>;
}

/**
 * Says that a worker lives, and tells it what it should know. A message to NATS, and no statement, but for the first beat
 * that says "draining": from then on it is given nothing.
 * Throws NOT_FOUND, WORKER_REPLACED, BUS_UNAVAILABLE, STORE_UNAVAILABLE.
 */
export async function beatWorker(ports: Ports, identity: Identity, heartbeat: Heartbeat) {
  const { registrations, fleet, cancellations, leases } = ports.workerDesk;
  const worker = await registrations.own(identity, heartbeat);
  const doesLeave = heartbeat.status === "draining" && !worker.isDraining;
  if (doesLeave && (await orStoreFault(drainRemoteWorker(ports.hotSql, worker)))) {
    registrations.remember({ ...worker, isDraining: true });
    leases.release((one) => one.session === worker.session);
  }
  const isDraining = worker.isDraining || heartbeat.status === "draining";
  const { cpu_usage = null, memory_usage = null, disk_usage = null } = heartbeat.systemInfo;
  await fleet.beat(
    beatOf(worker, ports.nowMs(), {
      status: isDraining ? "draining" : "active",
      current_tasks: heartbeat.currentTasks,
      system_info: { cpu_usage, memory_usage, disk_usage },
    }),
  );
  return {
    worker_id: worker.workerId,
    status: isDraining ? ("draining" as const) : ("active" as const),
    drain: isDraining,
    cancelled: cancellations.of(worker.session),
    heartbeat_interval: worker.heartbeatS,
  };
}
