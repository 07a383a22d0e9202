import { hasRole, type Identity, type Json } from "@millrace/core";
import type { Span } from "@millrace/observe";
import { splitTraceContext } from "@millrace/protocol";
import {
  fillPayload,
  type LeasedTask,
  orStoreFault,
  type RemoteWorker,
  settleAttempts,
} from "@millrace/store";
import type { Ports } from "../ports.ts";
import { signLease } from "../workers/lease-token.ts";

export interface LeaseRequest {
  readonly workerId: string;
  readonly session?: string | undefined;
  readonly tasksMax: number;
  readonly waitS: number;
  readonly signal: AbortSignal;
  /** Of the request; undefined: its trace is not recorded. */
  readonly span?: Span | undefined;
}

/**
 * Gives a worker tasks that it can run, as soon as there are any, and no more than it has free slots; without any when the
 * time is over, when it drains, or when something that it runs was cancelled. Committed when it resolves.
 * An operator's worker that asks with a weaker key gets its owner's tasks alone.
 * Throws NOT_FOUND, WORKER_REPLACED, OVERLOADED, STORE_UNAVAILABLE.
 */
export async function leaseTasks(ports: Ports, identity: Identity, request: LeaseRequest) {
  const { workerDesk } = ports;
  const worker = await workerDesk.registrations.own(identity, request);
  const servesAll = worker.servesAll && hasRole(identity, "operator");
  const leasing = worker.isDraining
    ? null
    : await workerDesk.leases.lease({
        worker,
        ownerId: servesAll ? null : worker.ownerId,
        tasksMax: Math.min(request.tasksMax, worker.maxConcurrentTasks),
        waitMs: request.waitS * 1000,
        signal: AbortSignal.any([request.signal, ports.draining]),
      });
  const isOut = leasing?.isCurrent === false && (await isDrained(ports, identity, worker));
  const tasks = await Promise.all(
    (leasing?.tasks ?? []).map((task) => handOver(ports, { identity, worker, task, request })),
  );
  return {
    tasks: tasks.filter((task) => task !== null),
    cancelled: workerDesk.cancellations.of(worker.session),
    drain: worker.isDraining || isOut,
  };
}

/** Why a worker is given nothing any more: it drains; or throws NOT_FOUND when it was removed, WORKER_REPLACED. */
async function isDrained(ports: Ports, identity: Identity, worker: RemoteWorker): Promise<boolean> {
  const { registrations } = ports.workerDesk;
  registrations.forget(worker.workerId);
  return (await registrations.own(identity, worker)).isDraining;
}

interface HandOver {
  readonly identity: Identity;
  readonly worker: RemoteWorker;
  readonly task: LeasedTask;
  readonly request: LeaseRequest;
}

/**
 * The claim, in the trace of the task; it links to the request, which has a trace of its own. What the worker does goes on
 * with it. Who does not trace himself tells the task's context on.
 */
function noteLease({ tracing }: Ports, task: LeasedTask, { span: request, workerId }: LeaseRequest) {
  const { traceContext, taskId, taskType, attempt, lane, priority } = task;
  if (traceContext === null || tracing === undefined) return traceContext ?? undefined;
  const span = tracing.start("claim task", {
    parent: traceContext,
    links: request === undefined ? [] : [request.context],
    attributes: {
      ...{ "task.id": taskId, "task.type": taskType, "task.attempt": attempt },
      ...{ "task.lane": lane, "task.priority": priority, "worker.id": workerId },
    },
  });
  span?.end();
  return span?.context ?? traceContext;
}

function traceparentOf(context: string | undefined) {
  return splitTraceContext(context) ?? {};
}

/** Null: its templates can never be filled; the attempt has failed for good. */
async function handOver(ports: Ports, { identity, worker, task, request }: HandOver) {
  const { seq, attempt, taskId, taskType, lane, priority } = task;
  const { session } = worker;
  ports.dispatcher.tell({
    ...{ seq, task_id: taskId, task_type: taskType, lane, priority, attempt, worker_id: worker.workerId },
    ...{ status: "running", phase: "running" },
  });
  ports.workerDesk.metrics.leased.add({ task_type: taskType });
  let payload: Json = task.payload;
  if (task.hasTemplates) {
    const filled = await orStoreFault(fillPayload(ports.hotSql, seq, payload));
    if (!filled.ok) {
      const { code: error_code, message: error_message } = filled.error;
      const end = { seq, attempt, kind: "dead", error_code, error_message } as const;
      await orStoreFault(settleAttempts(ports.hotSql, session, [end]));
      ports.intake.tellEnds();
      return null;
    }
    payload = filled.payload;
  }
  const claim = { seq, attempt, session, taskId, userId: identity.userId, taskType, lane, priority };
  return {
    task_id: taskId,
    task_type: taskType,
    payload,
    attempt,
    max_attempts: task.maxAttempts,
    priority,
    timeout: task.timeoutS,
    correlation_id: task.correlationId,
    ...traceparentOf(noteLease(ports, task, request)),
    lease_token: signLease(claim, ports.signingSecret),
    lease_expires_at: task.leaseUntil.toISOString(),
  };
}
