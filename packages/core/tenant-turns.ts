/** All tasks without a tenant share one turn. Sorts before every tenant. */
export const NO_TENANT = "";

export interface TurnPlan {
  /** For each message, in order: the tenant whose task is started in its place; null: its own. */
  readonly instead: readonly (string | null)[];
  /** Who had the last of these turns; the next plan goes on behind. */
  readonly last: string;
}

export interface TurnWish {
  /** Tenants of the messages that came for free slots; at least one. */
  readonly own: readonly string[];
  /** Tenants with due tasks in the order of their turns, from the one behind `last`; own ones may be among them. */
  readonly waiting: readonly string[];
  /** Null: nobody has had a turn. */
  readonly last: string | null;
}

/**
 * Gives free slots of one lane and priority to its tenants in turn, whatever their messages' order: each has one before
 * anybody has the second. The order is that of the names, so that it goes on where it stopped, whoever comes and goes.
 * A tenant's turn takes its own message where there is one.
 */
export function planTurns({ own, waiting, last }: TurnWish): TurnPlan {
  const cycle = [...new Set([...own, ...waiting])].sort(byCode);
  const first =
    last === null
      ? 0
      : Math.max(
          0,
          cycle.findIndex((tenant) => tenant > last),
        );
  const turns = own.map((_, index) => cycle[(first + index) % cycle.length] ?? NO_TENANT);
  const left = new Map<string, number>();
  for (const turn of turns) left.set(turn, (left.get(turn) ?? 0) + 1);
  const isOwn = own.map((tenant) => takeOne(left, tenant));
  const others = turns.filter((turn) => takeOne(left, turn));
  const instead = isOwn.map((isItsTurn) => (isItsTurn ? null : (others.shift() ?? null)));
  return { instead, last: turns.at(-1) ?? NO_TENANT };
}

function takeOne(left: Map<string, number>, tenant: string): boolean {
  const count = left.get(tenant) ?? 0;
  if (count > 0) left.set(tenant, count - 1);
  return count > 0;
}

/** As the database sorts them: names are ASCII. */
function byCode(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
