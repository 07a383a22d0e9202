import { Fault, hasRole, type Identity } from "@millrace/core";
import type { WorkerBeat } from "@millrace/protocol";
import { FILE_TASK_TYPE } from "@millrace/protocol/file-operations/index";
import { loseClaims, orStoreFault, type RemoteWorker, registerRemoteWorker } from "@millrace/store";
import type { Ports } from "../ports.ts";
import { repeated } from "../tasks/intake.ts";

export interface WorkerWish {
  readonly worker_id: string;
  readonly capabilities: readonly string[];
  readonly max_concurrent_tasks: number;
  readonly heartbeat_interval?: number | undefined;
  readonly instance?: string | undefined;
}

export interface RegisteredWorker {
  readonly isNew: boolean;
  readonly worker: RemoteWorker;
}

/**
 * Registers a worker that speaks HTTP, for whoever asks: an operator's gets everybody's tasks, any other one its owner's.
 * Registering again begins another life, unless `instance` says that it is the same one: what the former life had
 * leased is taken back, and nothing that it still says counts.
 * Throws VALIDATION_FAILED, WORKER_ID_TAKEN, LIMIT_REACHED, BUS_UNAVAILABLE, STORE_UNAVAILABLE.
 */
export async function registerWorker(
  ports: Ports,
  identity: Identity,
  wish: WorkerWish,
): Promise<RegisteredWorker> {
  requireLeasable(wish.capabilities);
  requireNotOurs(ports, wish.worker_id);
  const registration = await orStoreFault(
    repeated(() =>
      registerRemoteWorker(ports.hotSql, {
        workerId: wish.worker_id,
        ownerId: identity.userId,
        nonce: Bun.randomUUIDv7().slice(-8),
        instance: wish.instance ?? null,
        servesAll: hasRole(identity, "operator"),
        capabilities: wish.capabilities,
        maxConcurrentTasks: wish.max_concurrent_tasks,
        heartbeatS: wish.heartbeat_interval ?? ports.heartbeatS,
      }),
    ),
  );
  if (registration.kind === "taken") throw taken(wish.worker_id);
  if (registration.kind === "limit")
    throw new Fault("LIMIT_REACHED", "there are as many workers as one user may have; deregister one first");
  const { worker, isNew, formerSession, newTypes } = registration;
  const { workerDesk } = ports;
  await workerDesk.fleet.beat(firstBeat(worker, ports.nowMs()));
  workerDesk.fleet.tellChanged(worker.workerId);
  workerDesk.registrations.remember(worker);
  if (formerSession !== null) workerDesk.background(endFormerLife(ports, worker, formerSession));
  if (newTypes.length > 0) workerDesk.background(workerDesk.openBacklog(newTypes));
  return { isNew, worker };
}

function requireLeasable(capabilities: readonly string[]): void {
  const index = capabilities.indexOf(FILE_TASK_TYPE);
  if (index === -1) return;
  const message = `must not be ${FILE_TASK_TYPE}: files are processed where their bytes are`;
  const path = `/capabilities/${index}`;
  throw new Fault("VALIDATION_FAILED", `in the body: ${path} ${message}`, { errors: [{ path, message }] });
}

/** A heartbeat under the name of one of our own would hide its death. */
function requireNotOurs({ workerDesk }: Ports, workerId: string): void {
  const ours = workerDesk.fleet
    .list()
    .some(({ beat }) => beat.worker_id === workerId && beat.owner_id === undefined);
  if (ours) throw taken(workerId);
}

function taken(workerId: string): Fault {
  return new Fault("WORKER_ID_TAKEN", `the id ${workerId} belongs to another worker`);
}

async function endFormerLife(ports: Ports, worker: RemoteWorker, formerSession: string): Promise<void> {
  const lost = await orStoreFault(loseClaims(ports.hotSql, formerSession));
  ports.log.info("a worker over HTTP began another life", {
    ...{
      worker_id: worker.workerId,
      session: worker.session,
      former_session: formerSession,
      tasks: lost.length,
    },
  });
  await ports.workerDesk.publish(lost.filter((claim) => !claim.isDead).map((claim) => claim.seq));
}

function firstBeat(worker: RemoteWorker, nowMs: number): WorkerBeat {
  return beatOf(worker, nowMs, {
    status: worker.isDraining ? "draining" : "active",
    current_tasks: [],
    system_info: { cpu_usage: null, memory_usage: null, disk_usage: null },
  });
}

/** As it stands in the bucket. The time is the server's: the clock of the worker's machine may say anything. */
export function beatOf(
  worker: RemoteWorker,
  nowMs: number,
  told: Pick<WorkerBeat, "status" | "current_tasks" | "system_info">,
): WorkerBeat {
  return {
    worker_id: worker.workerId,
    session: worker.session.slice(worker.session.lastIndexOf("~") + 1),
    capabilities: worker.capabilities,
    max_concurrent_tasks: worker.maxConcurrentTasks,
    started_at: worker.registeredAt.toISOString(),
    last_heartbeat_at: new Date(nowMs).toISOString(),
    heartbeat_interval: worker.heartbeatS,
    owner_id: worker.ownerId,
    ...told,
  };
}
