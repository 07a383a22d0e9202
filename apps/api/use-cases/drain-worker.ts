import { Fault, type Identity } from "@millrace/core";
import { deleteRemoteWorker, drainRemoteWorker, listClaims, orStoreFault } from "@millrace/store";
import type { Ports } from "../ports.ts";

/**
 * From now on the worker is given nothing new, and learns so from its next answer. For its owner, and for operators.
 * Throws NOT_FOUND, also for the product's own workers: those drain when their process is told to stop.
 */
export async function drainWorker(ports: Ports, identity: Identity, workerId: string): Promise<void> {
  const { registrations, fleet } = ports.workerDesk;
  const worker = await registrations.ownOrOperated(identity, workerId);
  if (!(await orStoreFault(drainRemoteWorker(ports.hotSql, worker)))) {
    registrations.forget(workerId);
    throw new Fault("NOT_FOUND", "no such worker; one that speaks HTTP registers first");
  }
  registrations.forget(workerId);
  fleet.tellChanged(workerId);
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
