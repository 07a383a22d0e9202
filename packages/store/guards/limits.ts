import type { LimitScope } from "@millrace/core";
import { LIMITS_MAX } from "@millrace/core/limits";
import type { Sql } from "../connect.ts";

/** What an operator allows for a host (an origin), a task type or a tenant. Null: no such bound. */
export interface Limit {
  readonly scope: LimitScope;
  readonly name: string;
  /** Starts per second, over all workers. */
  readonly ratePerSecond: number | null;
  /** Starts at once after a pause; null: what one second brings. */
  readonly burst: number | null;
  /** Runs at once, over all workers. */
  readonly maxConcurrent: number | null;
  readonly updatedAt: Date;
}

const COLUMNS = `scope, name, rate_per_second as "ratePerSecond", burst, max_concurrent as "maxConcurrent",
  updated_at as "updatedAt"`;

/** By scope and name. Bounded by LIMITS_MAX. */
export async function listLimits(sql: Sql): Promise<readonly Limit[]> {
  return await sql<Limit[]>`select ${sql.unsafe(COLUMNS)} from limits order by scope, name`;
}

/** Makes or replaces it; a rate starts with a full burst. Null when there are LIMITS_MAX others already. */
export async function putLimit(
  sql: Sql,
  limit: Omit<Limit, "updatedAt">,
  updatedBy: number,
): Promise<Limit | null> {
  const { scope, name, ratePerSecond, burst, maxConcurrent } = limit;
  const [stored] = await sql<Limit[]>`
    with fresh as (delete from limit_rates where scope = ${scope} and name = ${name})
    insert into limits (scope, name, rate_per_second, burst, max_concurrent, updated_by)
    select ${scope}, ${name}, ${ratePerSecond}::float8, ${burst}::integer, ${maxConcurrent}::integer, ${updatedBy}
    where (select count(*) from limits) < ${LIMITS_MAX}
      or exists (select 1 from limits where scope = ${scope} and name = ${name})
    on conflict (scope, name) do update set rate_per_second = excluded.rate_per_second, burst = excluded.burst,
      max_concurrent = excluded.max_concurrent, updated_by = excluded.updated_by, updated_at = clock_timestamp()
    returning ${sql.unsafe(COLUMNS)}`;
  return stored ?? null;
}

/** False when there was none. What was taken of it is forgotten. */
export async function deleteLimit(sql: Sql, scope: LimitScope, name: string): Promise<boolean> {
  const rows = await sql`
    with gone as (delete from limits where scope = ${scope} and name = ${name} returning scope, name),
      rates as (delete from limit_rates r using gone g where r.scope = g.scope and r.name = g.name),
      permits as (delete from limit_permits p using gone g where p.scope = g.scope and p.name = g.name)
    select 1 from gone`;
  return rows.length === 1;
}

export interface Tokens {
  readonly granted: number;
  /** Until there is one more; 0 when all that were wanted were granted. */
  readonly waitMs: number;
}

/** Takes up to `wanted` starts of a rate. All of them when it has no rate (any more). */
export async function takeTokens(
  sql: Sql,
  { scope, name }: Pick<Limit, "scope" | "name">,
  wanted: number,
): Promise<Tokens> {
  const [row] = await sql<Tokens[]>`
    select granted, wait_ms as "waitMs" from take_tokens(${scope}, ${name}, ${wanted})`;
  return row ?? { granted: 0, waitMs: 1_000 };
}

export interface PermitWish {
  readonly session: string;
  /** Permits that the session wants to hold in all. */
  readonly wanted: number;
  readonly leaseMs: number;
}

/** How many permits the session holds now, at most what it wanted; null when there is no such limit (any more). */
export async function leasePermits(
  sql: Sql,
  { scope, name }: Pick<Limit, "scope" | "name">,
  { session, wanted, leaseMs }: PermitWish,
): Promise<number | null> {
  const [row] = await sql<{ held: number | null }[]>`
    select lease_permits(${scope}, ${name}, ${session}, ${wanted}, ${leaseMs}) as held`;
  return row?.held ?? null;
}

/** A session that is dead holds nothing: what it held is free at once, not only when its lease runs out. */
export async function freePermits(sql: Sql, session: string): Promise<void> {
  await sql`delete from limit_permits where session = ${session}`;
}

export interface LimitUse {
  /** Starts that the rate would grant now; null without a rate. */
  readonly tokens: number | null;
  /** Permits that nobody holds; null without a bound on concurrency. */
  readonly free: number | null;
}

/** What is left of a limit; null when it is gone. Takes nothing. */
export async function readLimitUse(
  sql: Sql,
  { scope, name }: Pick<Limit, "scope" | "name">,
): Promise<LimitUse | null> {
  const [row] = await sql<LimitUse[]>`
    select
      case when l.rate_per_second is not null then greatest(0, floor(
        coalesce(l.burst, greatest(1, ceil(l.rate_per_second))) - greatest(0, extract(epoch from coalesce(
          (select tat from limit_rates r where r.scope = l.scope and r.name = l.name), clock_timestamp()
        ) - clock_timestamp())) * l.rate_per_second + 0.001))::integer end as tokens,
      case when l.max_concurrent is not null then greatest(0, l.max_concurrent - coalesce(
        (select sum(held) from limit_permits p
          where p.scope = l.scope and p.name = l.name and p.expires_at >= clock_timestamp()), 0)
          - count_leases(l.scope, l.name))::integer end as free
    from limits l where l.scope = ${scope} and l.name = ${name}`;
  return row ?? null;
}
