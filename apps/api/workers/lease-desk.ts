import { Fault, levelOrder, loadOf } from "@millrace/core";
import { LEASE_S, LEASES_WAITING_MAX } from "@millrace/core/limits";
import type { LeaseWish, Leasing, RemoteWorker } from "@millrace/store";

export interface LeaseAsk {
  readonly worker: RemoteWorker;
  /** Whose tasks it may have; null: everybody's. */
  readonly ownerId: number | null;
  readonly tasksMax: number;
  readonly waitMs: number;
  /** Aborts when the client has gone away. */
  readonly signal: AbortSignal;
}

interface Usage {
  readonly cpu: number | null;
  readonly memory: number | null;
}

export interface LeaseDeskOptions {
  readonly take: (wish: LeaseWish) => Promise<Leasing>;
  /** What the worker says of its machine, as shares. */
  readonly usageOf: (workerId: string) => Usage;
  /** Tasks were leased for somebody who is not there any more. */
  readonly giveBack: (worker: RemoteWorker, leasing: Leasing) => void;
}

interface Waiter extends LeaseAsk {
  readonly group: string;
  readonly usage: Usage;
  readonly done: (leasing: Leasing) => void;
  readonly failed: (reason: unknown) => void;
  /** Something may be there for it since then; null: nothing that was not looked for already. */
  dirtyAt: number | null;
  isLooking: boolean;
  /** It is to leave with whatever the look that is under way finds. */
  isOver: boolean;
  /** As the last look found it; at first, as many as it asks for. */
  free: number;
  wake: ReturnType<typeof setTimeout> | undefined;
}

/** Looks into the database at once, of one api process. */
const LOOKS_MAX = 4;
/** How soon a worker without a free slot is looked at again. */
const FULL_LOOK_MS = 250;
const TIMER_MS_MAX = 60_000;

/**
 * Where workers over HTTP wait for tasks. Nothing is asked while nothing happens: a word that tasks of a type may be
 * leased, the time at which one becomes due, the end of a pause, wake up those whom it concerns. Of them the least loaded
 * one looks first, and leaves something for the others of its kind; when it finds less than it asked for, the others
 * of its kind need not look. While there is enough for all, several look side by side.
 */
export class LeaseDesk {
  readonly #options: LeaseDeskOptions;
  readonly #waiters = new Set<Waiter>();
  /** Looks that are under way. */
  readonly #looking = new Set<Promise<void>>();
  #looks = 0;
  readonly #looksOf = new Map<string, number>();
  /** Groups whose last look found less than it asked for: there, whoever looks first matters. */
  readonly #scarce = new Set<string>();
  #turn = 0;
  /** Counts what happened, so that what happens during a look is looked at again. */
  #now = 0;

  constructor(options: LeaseDeskOptions) {
    this.#options = options;
  }

  get waiting(): number {
    return this.#waiters.size;
  }

  /** Resolves with tasks, or without any when the time is over. Throws OVERLOADED, and what the store throws. */
  async lease(ask: LeaseAsk): Promise<Leasing> {
    if (this.#waiters.size >= LEASES_WAITING_MAX)
      throw new Fault("OVERLOADED", "too many workers wait for tasks here", { retryAfterS: 1 });
    const { promise, resolve, reject } = Promise.withResolvers<Leasing>();
    const { worker, ownerId } = ask;
    const usage = this.#options.usageOf(worker.workerId);
    const waiter: Waiter = {
      ...ask,
      group: `${ownerId ?? "all"} ${[...worker.capabilities].sort().join(" ")}`,
      ...{ done: resolve, failed: reject, dirtyAt: this.#now, isLooking: false, isOver: false },
      ...{ free: ask.tasksMax, usage, wake: undefined },
    };
    const leave = (): void => this.#dismiss(waiter);
    const timer = setTimeout(leave, ask.waitMs);
    ask.signal.addEventListener("abort", leave, { once: true });
    this.#waiters.add(waiter);
    this.#look();
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
      clearTimeout(waiter.wake);
      ask.signal.removeEventListener("abort", leave);
    }
  }

  /** Tasks of these types may be there. */
  nudgeTypes(types: readonly string[]): void {
    const named = new Set(types);
    this.#nudge((waiter) => waiter.worker.capabilities.some((type) => named.has(type)));
  }

  nudgeAll(): void {
    this.#nudge(() => true);
  }

  /** Its registration has changed: a look tells whether this life of it is still given anything. */
  nudgeWorker(workerId: string): void {
    this.#nudge((waiter) => waiter.worker.workerId === workerId);
  }

  /** A slot of this worker has become free. */
  nudgeSession(session: string): void {
    this.#nudge((waiter) => waiter.worker.session === session);
  }

  /** Sends a worker's requests back without tasks: there is something else that it should know. */
  release(isMeant: (worker: RemoteWorker) => boolean): void {
    for (const waiter of [...this.#waiters]) if (isMeant(waiter.worker)) this.#dismiss(waiter);
  }

  /**
   * Resolves when the looks that are under way now have ended. Each reads in the database what may start, so those that
   * come later go by what has been ordered.
   */
  async settled(): Promise<void> {
    await Promise.all(this.#looking);
  }

  #nudge(isMeant: (waiter: Waiter) => boolean): void {
    this.#now += 1;
    for (const waiter of this.#waiters) if (isMeant(waiter)) waiter.dirtyAt = this.#now;
    this.#look();
  }

  #dismiss(waiter: Waiter): void {
    if (waiter.isLooking) waiter.isOver = true;
    else this.#leave(waiter, NOTHING);
  }

  #leave(waiter: Waiter, leasing: Leasing): void {
    this.#waiters.delete(waiter);
    waiter.done(leasing);
  }

  #look(): void {
    while (this.#looks < LOOKS_MAX) {
      const waiter = this.#next();
      if (waiter === undefined) return;
      this.#count(waiter.group, 1);
      waiter.isLooking = true;
      const look = this.#lookFor(waiter).finally(() => {
        this.#looking.delete(look);
        this.#count(waiter.group, -1);
        this.#look();
      });
      this.#looking.add(look);
    }
  }

  #count(group: string, by: 1 | -1): void {
    this.#looks += by;
    const looks = (this.#looksOf.get(group) ?? 0) + by;
    if (looks > 0) this.#looksOf.set(group, looks);
    else this.#looksOf.delete(group);
  }

  /** The least loaded of those who have something to look for; of equals, the one that waits longest. */
  #next(): Waiter | undefined {
    let best: Waiter | undefined;
    let least = Number.POSITIVE_INFINITY;
    for (const waiter of this.#waiters) {
      if (waiter.isLooking || waiter.dirtyAt === null) continue;
      if (this.#scarce.has(waiter.group) && this.#looksOf.has(waiter.group)) continue;
      const load = loadOfWaiter(waiter);
      if (load >= least) continue;
      least = load;
      best = waiter;
    }
    return best;
  }

  async #lookFor(waiter: Waiter): Promise<void> {
    const startedAt = this.#now;
    waiter.dirtyAt = null;
    clearTimeout(waiter.wake);
    const { worker, ownerId } = waiter;
    const wanted = this.#shareOf(waiter);
    try {
      const leasing = await this.#options.take({
        ...{ workerId: worker.workerId, session: worker.session, ownerId, tasksMax: wanted },
        ...{ priorities: levelOrder(this.#turn++), leaseS: LEASE_S },
      });
      this.#settle(waiter, leasing, { wanted, startedAt });
    } catch (error) {
      this.#waiters.delete(waiter);
      waiter.failed(error);
    }
  }

  /** Others of its kind wait as well: a burst is spread over them. */
  #shareOf({ group, tasksMax }: Waiter): number {
    let alike = 0;
    for (const waiter of this.#waiters) if (waiter.group === group) alike += 1;
    return Math.max(1, Math.ceil(tasksMax / Math.max(1, alike)));
  }

  #settle(
    waiter: Waiter,
    leasing: Leasing,
    { wanted, startedAt }: { readonly wanted: number; readonly startedAt: number },
  ): void {
    const { tasks, isCurrent, free, nextDue } = leasing;
    waiter.isLooking = false; // Here, and not later: whoever dismisses it from now on does so himself.
    const isShort = isCurrent && tasks.length < Math.min(wanted, free);
    if (isShort) this.#spare(waiter.group, startedAt, nextDue);
    this.#note(waiter.group, isShort);
    const isGone = waiter.signal.aborted;
    if (isGone && tasks.length > 0) this.#options.giveBack(waiter.worker, leasing);
    if (isGone || waiter.isOver || tasks.length > 0 || !isCurrent) {
      this.#leave(waiter, leasing);
      return;
    }
    waiter.free = free;
    if (free === 0) this.#wakeIn(waiter, FULL_LOOK_MS);
    else if (nextDue !== null) this.#wakeIn(waiter, nextDue.getTime() - Date.now());
  }

  #note(group: string, isShort: boolean): void {
    if (!isShort) this.#scarce.delete(group);
    else if (this.#scarce.size < LEASES_WAITING_MAX) this.#scarce.add(group);
    else this.#scarce.clear(); // Groups that are gone: the others are noted again.
  }

  /** There was not enough for one of the group: the others have nothing to look for until something happens. */
  #spare(group: string, startedAt: number, nextDue: Date | null): void {
    for (const waiter of this.#waiters) {
      if (waiter.group !== group || waiter.dirtyAt === null || waiter.dirtyAt > startedAt) continue;
      waiter.dirtyAt = null;
      if (nextDue !== null) this.#wakeIn(waiter, nextDue.getTime() - Date.now());
    }
  }

  #wakeIn(waiter: Waiter, delayMs: number): void {
    clearTimeout(waiter.wake);
    const wake = (): void => {
      this.#now += 1;
      waiter.dirtyAt = this.#now;
      this.#look();
    };
    waiter.wake = setTimeout(wake, Math.min(TIMER_MS_MAX, Math.max(5, delayMs)));
  }
}

function loadOfWaiter({ worker, free, usage }: Waiter): number {
  return loadOf({
    slots: worker.maxConcurrentTasks,
    freeSlots: free,
    cpuUsage: usage.cpu,
    memoryUsage: usage.memory,
  });
}

const NOTHING: Leasing = { isCurrent: true, free: 0, tasks: [], nextDue: null, heldBy: [] };
