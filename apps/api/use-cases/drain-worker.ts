import { Fault, type Identity } from "@millrace/core";
import {
  deleteRemoteWorker,
  drainWorker as drainInStore,
  drainRemoteWorker,
  isWorkerDrained,
  listClaims,
  orStoreFault,
  resumeWorker as resumeInStore,
  resumeRemoteWorker,
} from "@millrace/store";
import { requireRole } from "../http/access.ts";
import { untilHeeded } from "../orders.ts";
import type { Ports } from "../ports.ts";

export interface WorkerOrder {
  readonly workerId: string;
  readonly correlationId: string;
}

/**
 * When it resolves the worker is given nothing new, unless the log says that it has not heard it yet. One that speaks HTTP
 * learns so from its next answer; one of ours stays drained, whichever life of it, until it is resumed.
 * Throws NOT_FOUND, FORBIDDEN, STORE_UNAVAILABLE.
 */
export async function drainWorker(ports: Ports, identity: Identity, order: WorkerOrder): Promise<void> {
  const { workerId } = order;
  const isOurs = isOneOfOurs(ports, workerId);
  if (isOurs) {
    requireRole(identity, "operator");
    await orStoreFault(drainInStore(ports.sql, { workerId, drainedBy: identity.userId }));
  } else await steerRemote(ports, identity, { workerId, steer: drainRemoteWorker });
  await tell(ports, identity, { ...order, what: "drained" });
}

/** It is given tasks again; also one of ours that does not run now. Throws NOT_FOUND, FORBIDDEN, STORE_UNAVAILABLE. */
export async function resumeWorker(ports: Ports, identity: Identity, order: WorkerOrder): Promise<void> {
  const { workerId } = order;
  if (isOneOfOurs(ports, workerId) || (await orStoreFault(isWorkerDrained(ports.sql, workerId)))) {
    requireRole(identity, "operator");
    await orStoreFault(resumeInStore(ports.sql, workerId));
  } else await steerRemote(ports, identity, { workerId, steer: resumeRemoteWorker });
  await tell(ports, identity, { ...order, what: "resumed" });
}

function isOneOfOurs({ workerDesk }: Ports, workerId: string): boolean {
  return workerDesk.fleet
    .list()
    .some(({ beat }) => beat.worker_id === workerId && beat.owner_id === undefined);
}

interface RemoteSteering {
  readonly workerId: string;
  readonly steer: typeof drainRemoteWorker;
}

async function steerRemote(
  { workerDesk, hotSql }: Ports,
  identity: Identity,
  { workerId, steer }: RemoteSteering,
): Promise<void> {
  const worker = await workerDesk.registrations.ownOrOperated(identity, workerId);
  const isThere = await orStoreFault(steer(hotSql, worker));
  workerDesk.registrations.forget(workerId);
  if (!isThere) throw new Fault("NOT_FOUND", "no such worker; one that speaks HTTP registers first");
}

async function tell(
  ports: Ports,
  identity: Identity,
  { workerId, correlationId, what }: WorkerOrder & { readonly what: "drained" | "resumed" },
): Promise<void> {
  ports.log.info(`a worker was ${what}`, {
    ...{ worker_id: workerId, user_id: identity.userId, correlation_id: correlationId },
  });
  ports.workerDesk.fleet.tellChanged(workerId);
  await untilHeeded(ports, { kind: "drains", workerId, correlationId });
}

/** Forgets a worker; what it still had is given back, without a failure, and runs elsewhere. */
export async function removeWorker(ports: Ports, identity: Identity, workerId: string): Promise<void> {
  const { registrations, fleet } = ports.workerDesk;
  const worker = await registrations.ownOrOperated(identity, workerId);
  await orStoreFault(deleteRemoteWorker(ports.hotSql, worker));
  registrations.forget(workerId);
  const tasks = await orStoreFault(listClaims(ports.hotSql, worker.session));
  if (tasks.length > 0) await ports.workerDesk.giveBack(worker, { tasks });
  await fleet.forget(workerId);
  fleet.tellChanged(workerId);
}
