import type { Identity } from "@millrace/core";
import { LEASE_S } from "@millrace/core/limits";
import { extendLease as extendInStore, findLeaseEnd, orStoreFault } from "@millrace/store";
import type { Ports } from "../ports.ts";
import { type LeaseWord, leaseOf, lost } from "./end-lease.ts";

export interface Progress extends LeaseWord {
  /** 0 … 1; absent: it only says that it is still at it. */
  readonly progress?: number | undefined;
  readonly note?: string | undefined;
}

/**
 * Extends a lease, up to the task's time-out at most, and tells how far the attempt is. Says whether the task was
 * cancelled. Throws LEASE_LOST, STORE_UNAVAILABLE.
 */
export async function extendLease(ports: Ports, identity: Identity, { progress, note, ...word }: Progress) {
  const claim = leaseOf(ports, identity, word);
  const { seq, attempt, taskId: task_id } = claim;
  const until = await orStoreFault(extendInStore(ports.hotSql, claim, LEASE_S));
  if (until === null) {
    const end = await orStoreFault(findLeaseEnd(ports.hotSql, claim));
    if (end?.kind !== "cancelled") throw lost(ports, "progress");
    return { task_id, cancelled: true, lease_expires_at: null };
  }
  if (progress !== undefined)
    ports.workerDesk.fleet.tellProgress({ seq, attempt, progress, ...(note !== undefined && { note }) });
  return { task_id, cancelled: false, lease_expires_at: until.toISOString() };
}
