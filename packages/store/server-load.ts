import type { Sql } from "./connect.ts";

/** How the server is used, as far as it tells us. */
export interface ServerLoad {
  /** Age of the oldest transaction in this database, in seconds; 0 when there is none. It holds back every clean-up. */
  readonly oldestTransactionS: number;
  /** Connections to this database. */
  readonly connections: readonly ConnectionCount[];
  readonly connectionsMax: number;
}

export interface ConnectionCount {
  /** `millrace-api` …; one name for all workers, and `other` for what is not ours. */
  readonly application: string;
  readonly state: "active" | "idle" | "idle in transaction" | "other";
  readonly count: number;
}

interface Row {
  readonly application: string;
  readonly state: ConnectionCount["state"];
  readonly count: number;
  readonly oldestS: number | null;
}

/** One look at the server's own list of connections: it costs what their number does, whatever the tables hold. */
export async function readServerLoad(sql: Sql): Promise<ServerLoad> {
  const rows = await sql<Row[]>`
    select
      case
        when application_name ~ '^millrace-(api|recorder|scheduler)' then application_name
        when application_name like 'millrace-%' then 'millrace-worker'
        else 'other'
      end as application,
      case when state in ('active', 'idle', 'idle in transaction') then state else 'other' end as state,
      count(*)::integer as count,
      extract(epoch from clock_timestamp() - min(xact_start) filter (where pid <> pg_backend_pid()))::float8 as "oldestS"
    from pg_stat_activity
    where datname = current_database() and backend_type = 'client backend'
    group by 1, 2`;
  const [limit] = await sql<{ max: number }[]>`select current_setting('max_connections')::integer as max`;
  return {
    oldestTransactionS: Math.max(0, ...rows.map(({ oldestS }) => oldestS ?? 0)),
    connections: rows.map(({ application, state, count }) => ({ application, state, count })),
    connectionsMax: limit?.max ?? 0,
  };
}
