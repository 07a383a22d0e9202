import { REMOTE_WORKERS_PER_OWNER_MAX } from "@millrace/core/limits";
import { sessionOf } from "@millrace/protocol";
import type { Sql, Transaction } from "../connect.ts";

/** A worker that speaks HTTP, as it registered. */
export interface RemoteWorker {
  readonly workerId: string;
  readonly ownerId: number;
  /** This life of it, as it stands in claims. */
  readonly session: string;
  readonly instance: string | null;
  /** It gets the tasks of all owners, not of its own alone. */
  readonly servesAll: boolean;
  readonly capabilities: readonly string[];
  readonly maxConcurrentTasks: number;
  readonly heartbeatS: number;
  readonly isDraining: boolean;
  readonly registeredAt: Date;
}

export type NewRemoteWorker = Omit<RemoteWorker, "session" | "isDraining" | "registeredAt"> & {
  /** Makes the session of a new life one that nobody had before. */
  readonly nonce: string;
};

export type Registration =
  | {
      readonly kind: "registered";
      readonly worker: RemoteWorker;
      readonly isNew: boolean;
      /** The life that this one ends; its claims are to be taken back. */
      readonly formerSession: string | null;
      /** Types of which a worker over HTTP is new: tasks that wait already are to be made leasable. */
      readonly newTypes: readonly string[];
    }
  /** The id belongs to somebody else's worker. */
  | { readonly kind: "taken" }
  /** The owner has REMOTE_WORKERS_PER_OWNER_MAX workers. */
  | { readonly kind: "limit" };

/**
 * Registers a worker, or a new life of one. The same instance again is the same life: its session stays, and with it what
 * it has leased. An operator's draining ends with the life.
 */
export async function registerRemoteWorker(sql: Sql, wish: NewRemoteWorker): Promise<Registration> {
  return await sql.begin(async (tx): Promise<Registration> => {
    const [known] = await tx<RemoteWorker[]>`
      select ${columns(sql)} from remote_workers where worker_id = ${wish.workerId} for update`;
    if (known !== undefined && known.ownerId !== wish.ownerId) return { kind: "taken" };
    if (known === undefined && (await isFull(tx, wish.ownerId))) return { kind: "limit" };
    const isSameLife = known !== undefined && wish.instance !== null && known.instance === wish.instance;
    const session = isSameLife ? known.session : nextSession(wish, known?.session);
    const isDraining = isSameLife && known.isDraining;
    const [worker] = await tx<RemoteWorker[]>`
      insert into remote_workers (worker_id, owner_id, session, instance, serves_all, capabilities, max_concurrent_tasks,
        heartbeat_s, is_draining, registered_at)
      values (${wish.workerId}, ${wish.ownerId}, ${session}, ${wish.instance}, ${wish.servesAll},
        ${[...wish.capabilities]}, ${wish.maxConcurrentTasks}, ${wish.heartbeatS}, ${isDraining}, clock_timestamp())
      on conflict (worker_id) do update set session = excluded.session, instance = excluded.instance,
        serves_all = excluded.serves_all, capabilities = excluded.capabilities,
        max_concurrent_tasks = excluded.max_concurrent_tasks, heartbeat_s = excluded.heartbeat_s,
        is_draining = excluded.is_draining, registered_at = excluded.registered_at
      where remote_workers.owner_id = excluded.owner_id
      returning ${columns(sql)}`;
    if (worker === undefined) return { kind: "taken" }; // Somebody else was faster.
    const formerSession = known === undefined || isSameLife ? null : known.session;
    const newTypes = await routeToLeases(tx, wish.capabilities);
    return { kind: "registered", worker, isNew: known === undefined, formerSession, newTypes };
  });
}

const LIFE_DIGITS = 8;

/**
 * Lives are counted, in the order in which they were registered: of two beats that meet, everybody can tell the later
 * life's, whatever the clocks of those who sent them say.
 */
function nextSession({ workerId, nonce }: NewRemoteWorker, former: string | undefined): string {
  const life =
    former === undefined ? 0 : Number(former.slice(former.lastIndexOf("~") + 1).slice(0, LIFE_DIGITS));
  return sessionOf(workerId, `${String(life + 1).padStart(LIFE_DIGITS, "0")}-${nonce}`);
}

async function isFull(sql: Transaction, ownerId: number): Promise<boolean> {
  const [row] = await sql<{ count: number }[]>`
    select count(*)::integer as count from remote_workers where owner_id = ${ownerId}`;
  return (row?.count ?? 0) >= REMOTE_WORKERS_PER_OWNER_MAX;
}

/** In the order of the names, as all who change several routes. Returns those that were not leased before. */
async function routeToLeases(sql: Transaction, types: readonly string[]): Promise<readonly string[]> {
  const rows = await sql<{ task_type: string }[]>`
    insert into task_routes (task_type, is_embedded, is_leased)
    select c, false, true from unnest(${[...types].sort()}::text[]) c
    on conflict (task_type) do update set is_leased = true where not task_routes.is_leased
    returning task_type`;
  return rows.map((row) => row.task_type);
}

export async function findRemoteWorker(sql: Sql, workerId: string): Promise<RemoteWorker | null> {
  const [worker] = await sql<RemoteWorker[]>`
    select ${columns(sql)} from remote_workers where worker_id = ${workerId}`;
  return worker ?? null;
}

/** From now on it is given nothing new. False: it is not there, or lives another life by now. */
export async function drainRemoteWorker(sql: Sql, { workerId, session }: RemoteWorker): Promise<boolean> {
  const rows = await sql`
    update remote_workers set is_draining = true where worker_id = ${workerId} and session = ${session} returning 1`;
  return rows.length === 1;
}

/** It is given tasks again. False: it is not there, or lives another life by now. */
export async function resumeRemoteWorker(sql: Sql, { workerId, session }: RemoteWorker): Promise<boolean> {
  const rows = await sql`
    update remote_workers set is_draining = false where worker_id = ${workerId} and session = ${session} returning 1`;
  return rows.length === 1;
}

export async function deleteRemoteWorker(sql: Sql, { workerId, session }: RemoteWorker): Promise<boolean> {
  const rows = await sql`
    delete from remote_workers where worker_id = ${workerId} and session = ${session} returning 1`;
  return rows.length === 1;
}

const FORGOTTEN_AT_ONCE = 1_000;

/** Forgets registrations that are older, except those of workers that were heard of; a portion at a time. */
export async function forgetRemoteWorkers(
  sql: Sql,
  { keptDays, except }: { readonly keptDays: number; readonly except: readonly string[] },
): Promise<number> {
  const rows = await sql`
    delete from remote_workers where worker_id = any(array(
      select worker_id from remote_workers
      where registered_at < clock_timestamp() - make_interval(days => ${keptDays})
        and not worker_id = any(${[...except]}::text[])
      limit ${FORGOTTEN_AT_ONCE}))
    returning 1`;
  return rows.length;
}

function columns(sql: Sql) {
  return sql`worker_id as "workerId", owner_id as "ownerId", session, instance, serves_all as "servesAll", capabilities,
    max_concurrent_tasks as "maxConcurrentTasks", heartbeat_s as "heartbeatS", is_draining as "isDraining",
    registered_at as "registeredAt"`;
}
