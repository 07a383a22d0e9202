import { Fault } from "@millrace/core";
import { EVENT_QUERIES_WAITING_MAX, EVENT_QUERY_WAIT_MS_MAX } from "@millrace/core/limits";
import { type Sql, storeFaultOf } from "@millrace/store";

/** SQLSTATE of a statement that ran for longer than the pool lets it. */
const STATEMENT_TIMEOUT = "57014";

/**
 * The way of queries to PostgreSQL: a pool of their own with few connections and short statements, so that no analyst
 * slows the intake of events or the tasks. So many run, some more wait for a while, and beyond that OVERLOADED says so.
 */
export class QueryGate {
  readonly #sql: Sql;
  readonly #beforeEach: () => Promise<void>;
  readonly #atOnce: number;
  readonly #waitMsMax: number;
  #running = 0;
  /** First come, first served; each is told that a place is its own. */
  readonly #waiting = new Set<() => void>();

  constructor(sql: Sql, options: QueryGateOptions) {
    this.#sql = sql;
    this.#atOnce = options.atOnce;
    this.#beforeEach = options.beforeEach ?? (async () => {});
    this.#waitMsMax = options.waitMsMax ?? EVENT_QUERY_WAIT_MS_MAX;
  }

  /** Throws OVERLOADED, QUERY_TOO_EXPENSIVE, STORE_UNAVAILABLE. */
  async run<T>(query: (sql: Sql) => Promise<T>): Promise<T> {
    await this.#enter();
    try {
      await this.#beforeEach();
      return await query(this.#sql);
    } catch (cause) {
      if (!isStatementTimeout(cause)) throw storeFaultOf(cause) ?? cause;
      throw new Fault("QUERY_TOO_EXPENSIVE", "the query took too long; narrow it in time, or name a type", {
        cause,
      });
    } finally {
      this.#leave();
    }
  }

  async #enter(): Promise<void> {
    if (this.#running < this.#atOnce) {
      this.#running += 1;
      return;
    }
    if (this.#waiting.size >= EVENT_QUERIES_WAITING_MAX) throw overloaded("too many queries run already");
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#waiting.add(resolve);
    const timer = setTimeout(() => {
      if (this.#waiting.delete(resolve)) reject(overloaded("other queries took too long"));
    }, this.#waitMsMax);
    await promise.finally(() => clearTimeout(timer));
  }

  /** The place goes to whoever waits longest. */
  #leave(): void {
    const [next] = this.#waiting;
    if (next === undefined) this.#running -= 1;
    else {
      this.#waiting.delete(next);
      next();
    }
  }
}

export interface QueryGateOptions {
  /** Queries that run at a time: as many as the pool has connections. */
  readonly atOnce: number;
  /** Runs in each query's place, before it. */
  readonly beforeEach?: (() => Promise<void>) | undefined;
  /** EVENT_QUERY_WAIT_MS_MAX when absent. */
  readonly waitMsMax?: number;
}

function overloaded(message: string): Fault {
  return new Fault("OVERLOADED", message, { retryAfterS: 1 });
}

function isStatementTimeout(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === STATEMENT_TIMEOUT;
}
