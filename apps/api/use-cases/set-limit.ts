import { Fault, type Identity, isTaskType, type LimitScope } from "@millrace/core";
import { LIMITS_MAX, TENANT_CHARS_MAX } from "@millrace/core/limits";
import { deleteLimit, type Limit, orStoreFault, putLimit } from "@millrace/store";
import { requireOrigin } from "../http/origin.ts";
import { untilHeeded } from "../orders.ts";
import type { Ports } from "../ports.ts";

type NewLimit = Omit<Limit, "updatedAt">;

/** A limit, and who does not go by it yet. */
export interface HeededLimit {
  readonly limit: Limit;
  readonly pending: readonly string[];
}

/**
 * Sets what a host, task type or tenant is allowed, for all workers. When it resolves, nobody starts anything beyond but
 * those who are named. Throws VALIDATION_FAILED, LIMIT_REACHED.
 */
export async function setLimit(
  ports: Ports,
  identity: Identity,
  { limit, correlationId }: { readonly limit: NewLimit; readonly correlationId: string },
): Promise<HeededLimit> {
  requireName(limit.scope, limit.name);
  requireBound(limit);
  const stored = await orStoreFault(putLimit(ports.sql, limit, identity.userId));
  if (stored === null) throw new Fault("LIMIT_REACHED", `there are ${LIMITS_MAX} limits already`);
  const { scope, name, ratePerSecond: rate_per_second, burst, maxConcurrent: max_concurrent } = stored;
  ports.log.info("a limit was set", {
    ...{ scope, name, rate_per_second, burst, max_concurrent },
    ...{ user_id: identity.userId, correlation_id: correlationId },
  });
  return { limit: stored, pending: await heeded(ports, stored.updatedAt, correlationId) };
}

/** What it held back goes on. Throws NOT_FOUND. */
export async function removeLimit(
  ports: Ports,
  identity: Identity,
  order: { readonly scope: LimitScope; readonly name: string; readonly correlationId: string },
): Promise<void> {
  const { scope, name, correlationId } = order;
  if (!(await orStoreFault(deleteLimit(ports.sql, scope, name))))
    throw new Fault("NOT_FOUND", "no such limit");
  ports.log.info("a limit was removed", {
    ...{ scope, name, user_id: identity.userId, correlation_id: correlationId },
  });
  await heeded(ports, new Date(ports.nowMs()), correlationId);
}

/** Side by side: whoever is asked reads it in the database, told or not. */
async function heeded(ports: Ports, changedAt: Date, correlationId: string): Promise<readonly string[]> {
  const [pending] = await Promise.all([
    untilHeeded(ports, { kind: "limits", correlationId }),
    told(ports, changedAt),
  ]);
  return pending;
}

/** The database has it; workers read it there by and by when NATS does not tell them. */
async function told(ports: Ports, changedAt: Date): Promise<void> {
  try {
    await ports.control.tellLimitsChanged(changedAt);
  } catch (error) {
    ports.log.warning("a limit is stored and could not be told around", { error });
  }
}

function requireName(scope: LimitScope, name: string): void {
  if (scope === "host") requireOrigin(name, "/name");
  else if (scope === "type" && !isTaskType(name)) refuse("/name", "must be a task type");
  else if (name === "" || (scope === "tenant" && name.length > TENANT_CHARS_MAX))
    refuse("/name", `must have 1 to ${TENANT_CHARS_MAX} characters`);
}

function requireBound({ ratePerSecond, burst, maxConcurrent }: NewLimit): void {
  if (ratePerSecond === null && maxConcurrent === null)
    refuse("/rate_per_second", "or max_concurrent must be given");
  if (ratePerSecond === null && burst !== null) refuse("/burst", "means nothing without rate_per_second");
}

function refuse(path: string, message: string): never {
  throw new Fault("VALIDATION_FAILED", "the input breaks a rule", { errors: [{ path, message }] });
}
