import {
  leaseTasks,
  type NewRemoteWorker,
  type RemoteWorker,
  registerRemoteWorker,
  type Sql,
} from "@millrace/store";

const URGENT_FIRST = [10, 9, 8, 7, 6, 5, 4, 3, 2, 1];

/** Registers a worker that must be taken. */
export async function register(sql: Sql, wish: Partial<NewRemoteWorker> = {}): Promise<RemoteWorker> {
  const workerId = wish.workerId ?? `w-${Bun.randomUUIDv7().slice(-8)}`;
  const registration = await registerRemoteWorker(sql, {
    workerId,
    ownerId: 1,
    nonce: Bun.randomUUIDv7().slice(-8),
    instance: null,
    servesAll: true,
    capabilities: ["render"],
    maxConcurrentTasks: 5,
    heartbeatS: 30,
    ...wish,
  });
  if (registration.kind !== "registered") throw new Error(`not registered: ${registration.kind}`);
  return registration.worker;
}

/** What the worker gets at this moment. */
export async function lease(
  sql: Sql,
  worker: RemoteWorker,
  wish: {
    readonly tasksMax?: number;
    readonly leaseS?: number;
    readonly priorities?: readonly number[];
  } = {},
) {
  return await leaseTasks(sql, {
    workerId: worker.workerId,
    session: worker.session,
    ownerId: worker.servesAll ? null : worker.ownerId,
    tasksMax: wish.tasksMax ?? 100,
    priorities: wish.priorities ?? URGENT_FIRST,
    leaseS: wish.leaseS ?? 30,
  });
}
