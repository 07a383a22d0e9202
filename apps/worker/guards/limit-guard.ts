import { type Bus, type HeldTeller, onHeld, onLimitsChanged, Rereader } from "@millrace/bus";
import { type LimitScope, limitName } from "@millrace/core";
import { LIMIT_LEASE_MS, LIMIT_TOKENS_KEPT_MS, LIMITS_LOOK_MS, LIMITS_RETRY_MS } from "@millrace/core/limits";
import { type Limit, leasePermits, listLimits, type Sql, takeTokens } from "@millrace/store";
import { LimitPermits } from "./limit-permits.ts";
import { LimitTokens } from "./limit-tokens.ts";

export interface LimitGuardOptions {
  readonly bus: Bus;
  readonly sql: Sql;
  readonly session: string;
  readonly slots: number;
  readonly teller: Pick<HeldTeller, "held" | "freed">;
  readonly onFailure: (error: unknown) => void;
}

/** What a task starts under. */
export interface Subject {
  readonly origin: string | null;
  readonly taskType: string;
  readonly tenant: string | null;
}

/** May start: to be ended once. Or may not, because of `heldBy`. */
export type LimitAnswer =
  | { readonly kind: "pass"; end(wasUsed: boolean): void }
  | { readonly kind: "held"; readonly heldBy: string };

interface Enforced {
  readonly limit: Limit;
  readonly name: string;
  readonly tokens: LimitTokens | null;
  readonly permits: LimitPermits | null;
}

/**
 * The limits that an operator set, enforced over all workers. The database has them and what is used of them; the bucket
 * `control` says when they have changed. Without limits nothing is asked and nothing is awaited.
 */
export class LimitGuard {
  readonly #options: LimitGuardOptions;
  readonly #rereader: Rereader;
  #enforced: ReadonlyMap<string, Enforced> = new Map();
  #stops: (() => void)[] = [];

  constructor(options: LimitGuardOptions) {
    this.#options = options;
    this.#rereader = new Rereader({
      read: async () => this.#take(await listLimits(options.sql)),
      ...{ lookMs: LIMITS_LOOK_MS, retryMs: LIMITS_RETRY_MS, onFailure: options.onFailure },
    });
  }

  /** Resolves when it has read once, or could not. */
  async start(): Promise<void> {
    const { bus } = this.#options;
    this.#stops = [
      onLimitsChanged(bus, () => void this.refresh()),
      onHeld(bus, (name) => this.#enforced.get(name)?.permits?.heed()),
    ];
    await this.refresh();
  }

  async stop(): Promise<void> {
    this.#rereader.stop();
    for (const stop of this.#stops) stop();
    await Promise.all([...this.#enforced.values()].map(({ permits }) => permits?.stop()));
  }

  get isEmpty(): boolean {
    return this.#enforced.size === 0;
  }

  /** Whether calls of this host are limited, so that it is worth knowing which host a task calls. */
  get hasHosts(): boolean {
    return [...this.#enforced.values()].some(({ limit }) => limit.scope === "host");
  }

  /** At once, when what this worker holds does; else the database is asked, and it rejects when that does not answer. */
  ask(subject: Subject): LimitAnswer | Promise<LimitAnswer> {
    const concerned = this.#concerning(subject);
    return takeHeld(concerned) ?? this.#ask(concerned);
  }

  async #ask(concerned: readonly Enforced[]): Promise<LimitAnswer> {
    const taken: Enforced[] = [];
    // Permits first: they go back whole, while tokens run out.
    for (const enforced of concerned) {
      if (enforced.permits === null) continue;
      if (!(await takenOr(enforced.permits.take(), () => giveBack(taken))))
        return this.#refuse(taken, enforced.name);
      taken.push(enforced);
    }
    const withTokens: LimitTokens[] = [];
    for (const { tokens, name } of concerned) {
      if (tokens === null) continue;
      if (!(await takenOr(tokens.take(), () => giveBack(taken)))) {
        for (const one of withTokens) one.giveBack();
        return this.#refuse(taken, name);
      }
      withTokens.push(tokens);
    }
    return passOf(concerned);
  }

  #refuse(taken: readonly Enforced[], heldBy: string): LimitAnswer {
    giveBack(taken);
    return { kind: "held", heldBy };
  }

  #concerning({ origin, taskType, tenant }: Subject): readonly Enforced[] {
    const names: (readonly [LimitScope, string | null])[] = [
      ["host", origin],
      ["type", taskType],
      ["tenant", tenant],
    ];
    return names.flatMap(([scope, name]) => {
      const enforced = name === null ? undefined : this.#enforced.get(limitName(scope, name));
      return enforced === undefined ? [] : [enforced];
    });
  }

  /** True once the limits have been read as they are now; false: they could not be read. */
  refresh(): Promise<boolean> {
    return this.#rereader.refresh();
  }

  /** What has not changed keeps what it holds; who holds permits of what has changed asks again. */
  #take(limits: readonly Limit[]): void {
    const next = new Map<string, Enforced>();
    for (const limit of limits) {
      const name = limitName(limit.scope, limit.name);
      const former = this.#enforced.get(name);
      next.set(
        name,
        former !== undefined && isSame(former.limit, limit) ? former : this.#enforce(limit, former),
      );
    }
    for (const [name, { permits }] of this.#enforced) if (!next.has(name)) void permits?.stop();
    this.#enforced = next;
  }

  #enforce(limit: Limit, former: Enforced | undefined): Enforced {
    const name = limitName(limit.scope, limit.name);
    const permits = limit.maxConcurrent === null ? null : (former?.permits ?? this.#permitsOf(limit, name));
    former?.permits?.heed();
    if (permits === null) void former?.permits?.stop();
    return { limit, name, permits, tokens: limit.ratePerSecond === null ? null : this.#tokensOf(limit) };
  }

  #tokensOf(limit: Limit): LimitTokens {
    const perPortion = ((limit.ratePerSecond ?? 0) * LIMIT_TOKENS_KEPT_MS) / 1000;
    return new LimitTokens({
      take: (wanted) => takeTokens(this.#options.sql, limit, wanted),
      nowMs: () => performance.now(),
      aheadMax: Math.floor(Math.min(perPortion, (limit.burst ?? Number.POSITIVE_INFINITY) / 2)),
    });
  }

  #permitsOf(limit: Limit, name: string): LimitPermits {
    const { sql, session, slots, teller, onFailure } = this.#options;
    return new LimitPermits({
      lease: (wanted) => leasePermits(sql, limit, { session, wanted, leaseMs: LIMIT_LEASE_MS }),
      nowMs: () => performance.now(),
      aheadMax: slots,
      onRefused: () => teller.held(name),
      onFreed: () => teller.freed(name),
      onFailure,
    });
  }
}

/** Takes of each what is held here; null: of one there is nothing. */
function takeHeld(concerned: readonly Enforced[]): LimitAnswer | null {
  for (const { permits, tokens } of concerned)
    if (permits?.hasHeld === false || tokens?.hasKept === false) return null;
  for (const { permits, tokens } of concerned) {
    permits?.takeHeld();
    tokens?.takeKept();
  }
  return passOf(concerned);
}

function passOf(concerned: readonly Enforced[]): LimitAnswer {
  return {
    kind: "pass",
    end: (wasUsed) => {
      giveBack(concerned);
      if (!wasUsed) for (const { tokens } of concerned) tokens?.giveBack();
    },
  };
}

function giveBack(taken: readonly Enforced[]): void {
  for (const { permits } of taken) permits?.giveBack();
}

async function takenOr(taking: Promise<boolean>, undo: () => void): Promise<boolean> {
  try {
    return await taking;
  } catch (error) {
    undo();
    throw error;
  }
}

function isSame(a: Limit, b: Limit): boolean {
  return a.ratePerSecond === b.ratePerSecond && a.burst === b.burst && a.maxConcurrent === b.maxConcurrent;
}
