import {
  explainTask as explain,
  type Identity,
  livenessOf,
  readGuardName,
  type WhyFacts,
} from "@millrace/core";
import {
  countAhead,
  findTasks,
  listLimits,
  listOpenParents,
  orStoreFault,
  readDebounce,
  readTurnWait,
  readWait,
  type TaskRecord,
  type Wait,
} from "@millrace/store";
import type { Ports } from "../ports.ts";
import { findTaskFor } from "./show-task.ts";

/**
 * What the task waits for, or how it ended. A few looks by key, and a bounded count when it is simply its turn that it
 * waits for. What NATS does not tell is left out, and another reason may be named. Throws NOT_FOUND.
 */
export async function explainTask(ports: Ports, identity: Identity, taskId: string) {
  const task = await findTaskFor(ports, identity, taskId);
  const facts = await factsOf(ports, task);
  const { reason, summary, details } = explain(facts);
  return {
    task_id: task.taskId,
    status: task.status,
    phase: task.phase,
    reason,
    summary,
    details,
    checked_at: new Date(ports.nowMs()).toISOString(),
  };
}

async function factsOf(ports: Ports, task: TaskRecord): Promise<WhyFacts> {
  const { phase } = task;
  const isHeld = phase === "parked" || phase === "queued";
  const isOpen = isHeld || phase === "waiting" || phase === "running";
  const wait = isOpen ? await orStoreFault(readWait(ports.sql, task.seq)) : null;
  const parents = phase === "waiting" ? await parentsOf(ports, task.seq) : [];
  const heldBy = phase === "parked" ? guardOf(wait) : null;
  const isQueued = isHeld && heldBy === null && wait?.pause == null;
  const turn = isQueued ? await orStoreFault(readTurnWait(ports.sql, task)) : null;
  return {
    ...task,
    parents,
    waitingFor: wait?.waitingFor ?? 0,
    isAlone: wait?.isAlone ?? false,
    heldBy,
    debounce: phase === "scheduled" ? await debounceOf(ports, task) : null,
    pause: wait?.pause ?? null,
    breaker: heldBy?.kind === "breaker" ? await breakerOf(ports, heldBy.origin) : null,
    limit: heldBy?.kind === "limit" ? await limitOf(ports, heldBy) : null,
    capableWorkers: isQueued ? await capableWorkers(ports, task.taskType) : null,
    turn: turn === null ? null : { ...turn, tenant: task.tenant },
    ahead: isQueued && turn === null ? await orStoreFault(countAhead(ports.sql, task)) : null,
  };
}

function guardOf(wait: Wait | null): WhyFacts["heldBy"] {
  return wait?.parkedFor == null || !wait.parkedFor.includes(":") ? null : readGuardName(wait.parkedFor);
}

async function debounceOf({ sql }: Ports, { seq, dedup }: TaskRecord): Promise<WhyFacts["debounce"]> {
  if (dedup?.kind !== "debounce") return null;
  const debounce = await orStoreFault(readDebounce(sql, seq));
  return debounce === null ? null : { key: dedup.key, ...debounce };
}

async function parentsOf({ sql }: Ports, seq: number): Promise<WhyFacts["parents"]> {
  const taskIds = await orStoreFault(listOpenParents(sql, seq));
  return taskIds.length === 0 ? [] : await orStoreFault(findTasks(sql, taskIds));
}

async function breakerOf({ control }: Ports, origin: string): Promise<WhyFacts["breaker"]> {
  const breakers = await control.readBreakers().catch(() => null);
  return breakers?.get(origin)?.breaker ?? null;
}

async function limitOf({ sql }: Ports, guard: Extract<WhyFacts["heldBy"], { kind: "limit" }>) {
  const limits = await orStoreFault(listLimits(sql));
  return limits.find(({ scope, name }) => scope === guard.scope && name === guard.name) ?? null;
}

/** Null: nobody could say. */
async function capableWorkers({ control, nowMs }: Ports, taskType: string): Promise<number | null> {
  const beats = await control.readBeats().catch(() => null);
  if (beats === null) return null;
  return beats.filter(({ capabilities, status, last_heartbeat_at, heartbeat_interval }) => {
    const silentMs = nowMs() - Date.parse(last_heartbeat_at);
    const isThere = status === "active" && livenessOf(silentMs, heartbeat_interval * 1000) !== "dead";
    return isThere && capabilities.includes(taskType);
  }).length;
}
