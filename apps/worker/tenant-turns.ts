import { GroupCommit, NO_TENANT, planTurns } from "@millrace/core";
import { TURN_QUIET_MS } from "@millrace/core/limits";
import type { Dispatch, Level } from "@millrace/protocol";
import { listWaitingTenants, offerTasks, type Sql, type Turn } from "@millrace/store";

export interface TenantTurnsOptions {
  readonly sql: Sql;
  readonly nowMs: () => number;
  readonly onFailure: (error: unknown) => void;
}

/** What this worker knows of a level. */
interface Sharing {
  isShared: boolean;
  last: string | null;
  quietUntilMs: number;
}

interface Row {
  readonly turn: Turn;
  /** Not the next tenant's, but this one's. */
  readonly isOwn: boolean;
}

/**
 * Whose task a free slot gets. The messages of a level stand in the order in which they came, so a tenant with a long
 * queue would keep the slots from all others. Where a claim finds other tenants waiting, each further message is asked
 * about: when it is another tenant's turn, that one's oldest task is offered instead, and the message goes back to the
 * front of its queue. Without others, a look into an empty map is all that it costs.
 */
export class TenantTurns {
  readonly #options: TenantTurnsOptions;
  readonly #levels = new Map<string, Sharing>();
  readonly #group: GroupCommit<Row, Dispatch | null>;

  constructor(options: TenantTurnsOptions) {
    this.#options = options;
    // One flight: the next plan goes on where the former one ended.
    this.#group = new GroupCommit<Row, Dispatch | null>({
      commit: (rows) => this.#choose(rows),
      flightsMax: 1,
    });
  }

  /** False: its message's place is its turn. */
  concern(dispatch: Level): boolean {
    return this.#levels.get(keyOf(dispatch))?.isShared ?? false;
  }

  /** A claim has found other tenants waiting beside it. */
  noteShared(level: Level): void {
    const sharing = this.#sharingOf(level);
    sharing.isShared ||= this.#options.nowMs() >= sharing.quietUntilMs;
  }

  /** The task that is to start instead; null: the message's own. Another one may have claimed it meanwhile. */
  next(dispatch: Dispatch): Promise<Dispatch | null> {
    return this.#ask({ turn: turnOf(dispatch), isOwn: false });
  }

  /** Its tenant's turn is not used, since the message's task was started before: the tenant's oldest task; null: none. */
  nextOfSame(dispatch: Dispatch): Promise<Dispatch | null> {
    return this.#ask({ turn: turnOf(dispatch), isOwn: true });
  }

  /** Who cannot tell leaves the messages their order. */
  async #ask(row: Row): Promise<Dispatch | null> {
    try {
      return await this.#group.add(row);
    } catch (error) {
      this.#options.onFailure(error);
      return null;
    }
  }

  async #choose(rows: readonly Row[]): Promise<readonly (Dispatch | null)[]> {
    const answers: (Dispatch | null)[] = rows.map(() => null);
    const levels = new Map(rows.map(({ turn }) => [keyOf(turn), turn]));
    for (const [key, level] of levels) {
      const places = rows.flatMap(({ turn }, place) => (keyOf(turn) === key ? [place] : []));
      const chosen = await this.#chooseAt(
        level,
        places.flatMap((place) => rows[place] ?? []),
      );
      for (const [index, place] of places.entries()) answers[place] = chosen[index] ?? null;
    }
    return answers;
  }

  async #chooseAt(level: Turn, rows: readonly Row[]): Promise<readonly (Dispatch | null)[]> {
    const own = rows.filter(({ isOwn }) => !isOwn).map(({ turn }) => turn.tenant);
    const planned = own.length === 0 ? [] : [...(await this.#plan(level, own))];
    const wanted = rows.map((row) => (row.isOwn ? row.turn.tenant : (planned.shift() ?? null)));
    const counts = new Map<string, number>();
    for (const tenant of wanted) if (tenant !== null) counts.set(tenant, (counts.get(tenant) ?? 0) + 1);
    if (counts.size === 0) return [];
    const offers = await offerTasks(
      this.#options.sql,
      level,
      [...counts].map(([tenant, tasks]) => ({ tenant, tasks })),
    );
    const left = new Map<string, Dispatch[]>();
    for (const offer of offers) {
      const { tenant } = turnOf(offer);
      left.set(tenant, [...(left.get(tenant) ?? []), offer]);
    }
    return wanted.map((tenant) => (tenant === null ? null : (left.get(tenant)?.shift() ?? null)));
  }

  async #plan(level: Turn, own: readonly string[]): Promise<readonly (string | null)[]> {
    const sharing = this.#sharingOf(level);
    const kinds = new Set(own);
    const { tenants, passedUntil } = await listWaitingTenants(this.#options.sql, level, {
      after: sharing.last,
      limit: own.length + kinds.size, // One other is among them, if there is one.
    });
    if (passedUntil === null && kinds.size === 1 && tenants.every((tenant) => kinds.has(tenant))) {
      sharing.isShared = false;
      sharing.quietUntilMs = this.#options.nowMs() + TURN_QUIET_MS;
      return own.map(() => null);
    }
    const { instead, last } = planTurns({ own, waiting: tenants, last: sharing.last });
    sharing.last = passedUntil ?? last;
    return instead;
  }

  #sharingOf(level: Level): Sharing {
    const key = keyOf(level);
    const known = this.#levels.get(key);
    if (known !== undefined) return known;
    const sharing: Sharing = { isShared: false, last: null, quietUntilMs: Number.NEGATIVE_INFINITY };
    this.#levels.set(key, sharing); // As many as there are lanes and priorities.
    return sharing;
  }
}

export function turnOf({ lane, priority, tenant }: Pick<Dispatch, "lane" | "priority" | "tenant">): Turn {
  return { lane, priority, tenant: tenant ?? NO_TENANT };
}

function keyOf({ lane, priority }: Level): string {
  return `${lane}${priority}`;
}
