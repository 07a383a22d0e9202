import { Fault } from "@millrace/core";
import postgres from "postgres";
import { answeringSockets } from "./answering-socket.ts";
import { classifyStoreFailure } from "./retryable.ts";

/** What a query sees of a pool or a transaction. Ids are numbers: every one of ours is far below 2^53. */
export type Sql = postgres.Sql<{ bigint: number }>;
export type Transaction = postgres.TransactionSql<{ bigint: number }>;

export interface PoolOptions {
  /** `postgres://user:password@host:port/database`. */
  readonly url: string;
  /** Connections at most. Each is a process in the server. */
  readonly max: number;
  /** Shown in pg_stat_activity: `millrace-api`. */
  readonly applicationName: string;
  /**
   * The server cancels a statement that runs longer (SQLSTATE 57014), and a connection that says nothing for noticeably
   * longer is given up: its server has vanished. Zero or absent: never.
   */
  readonly statementTimeoutMs?: number;
  /** The server ends a transaction that lasts longer, and its connection (PostgreSQL 17 and newer). */
  readonly transactionTimeoutMs?: number;
  /** For the steps of a task's life, each of which finds its rows by key: see `BY_KEY`. */
  readonly isByKey?: boolean;
}

/**
 * For statements that find their rows by key. A queue's statistics are always wrong (a statement planned while open_tasks
 * was empty meets a million rows a minute later), so the planner is left with the one shape that is right at any size:
 * each table by its index on the ids that `seq = any(…)` gives, joined by hash. Scans read everything, and nested loops
 * over lists of n rows cost n²: measured 53 µs a claim instead of 5, and 1 ms for one that scanned.
 * A lookup for each row, where it is meant, is a lateral or scalar subquery with a limit.
 *
 * Bitmap scans find rows in the order of the disk: of two batches of which one was planned so and the other was not, each
 * could wait for the other. An index gives them in the order of their ids, in which all steps lock them.
 *
 * Since there is one right shape, it is planned once per connection. Left to itself, PostgreSQL plans statements over
 * partitions anew each time, which took two thirds of what showing a task cost (0.93 ms, now 0.37) and a fifth of what
 * a task costs that comes alone.
 */
const BY_KEY = {
  enable_seqscan: "off",
  enable_mergejoin: "off",
  enable_nestloop: "off",
  enable_bitmapscan: "off",
  plan_cache_mode: "force_generic_plan",
} as const;

/**
 * Seconds. A client that vanishes in the middle of a transaction leaves its locks behind; by itself the server waits two
 * hours before it looks whether anybody is there.
 */
const CLIENT_KEEPALIVE = {
  tcp_keepalives_idle: 30,
  tcp_keepalives_interval: 10,
  tcp_keepalives_count: 3,
} as const;

const INT8_OID = 20;
const CONNECT_TIMEOUT_S = 5;
/**
 * Between two tries of one connection to connect, and so the longest time that a query waits for the next try. The
 * library's own pauses grow to 20 s: after six seconds without a server, a query took 7.7 s although it was back.
 */
const RECONNECT_PAUSE_S = 0.2;
/** How much later than its statement time-out a server may answer. */
const ANSWER_GRACE_MS = 3_000;
/** A pooled connection is replaced after this long, so that a moved server is noticed by all of them. */
const CONNECTION_LIFETIME_S = 30 * 60;

/**
 * Opens no connection yet: the first query does, and a lost connection is opened again by the next one.
 * Dates arrive as Date, bigint as number. A bigint of 2^53 or more fails the query: a rounded id would be another id.
 */
export function openPool(options: PoolOptions): Sql {
  const { statementTimeoutMs = 0, transactionTimeoutMs = 0 } = options;
  return postgres(options.url, {
    max: options.max,
    connect_timeout: CONNECT_TIMEOUT_S,
    backoff: () => RECONNECT_PAUSE_S,
    ...(statementTimeoutMs > 0 && { socket: answeringSockets(statementTimeoutMs + ANSWER_GRACE_MS) }),
    max_lifetime: CONNECTION_LIFETIME_S,
    onnotice: ignoreNotice,
    types: {
      bigint: {
        to: INT8_OID,
        from: [INT8_OID],
        serialize: (value: number) => String(value),
        parse: parseInt8,
      },
    },
    connection: {
      application_name: options.applicationName,
      ...CLIENT_KEEPALIVE,
      // A client that stands still between two statements of a transaction would hold its locks for as long.
      ...(statementTimeoutMs > 0 && {
        statement_timeout: statementTimeoutMs,
        idle_in_transaction_session_timeout: statementTimeoutMs,
      }),
      ...(transactionTimeoutMs > 0 && { transaction_timeout: transactionTimeoutMs }),
      ...(options.isByKey === true && BY_KEY),
    },
  });
}

/** `CREATE … IF NOT EXISTS` and the like tell that there was nothing to do; nobody needs to read that. */
function ignoreNotice(): void {}

function parseInt8(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw new RangeError(`the bigint ${text} does not fit into a number`);
  return value;
}

/**
 * Runs a query or transaction; a server that is away becomes the fault STORE_UNAVAILABLE, everything else passes
 * unchanged. When the connection broke in mid-transaction, whether it was committed is unknown: callers write so
 * that repeating is harmless.
 */
export async function orStoreFault<T>(query: PromiseLike<T>): Promise<T> {
  try {
    return await query;
  } catch (error) {
    throw storeFaultOf(error) ?? error;
  }
}

/** The fault that a failure of the store amounts to; undefined when it is none of availability. */
export function storeFaultOf(error: unknown): Fault | undefined {
  const failure = classifyStoreFailure(error);
  if (failure.kind !== "unavailable") return undefined;
  const message = `the database cannot be reached: ${failure.reason}`;
  return new Fault("STORE_UNAVAILABLE", message, { cause: error, retryAfterS: 1 });
}
