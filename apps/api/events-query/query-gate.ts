import { Fault } from "@millrace/core";
import { EVENT_QUERIES_WAITING_MAX, EVENT_QUERY_CONNECTIONS_MAX } from "@millrace/core/limits";
import { type Sql, storeFaultOf } from "@millrace/store";

/** SQLSTATE of a statement that ran for longer than the pool lets it. */
const STATEMENT_TIMEOUT = "57014";

/**
 * The way of queries to PostgreSQL: a pool of their own with few connections and short statements, so that no analyst
 * slows the intake of events or the tasks. So many run, some more wait, and beyond that OVERLOADED says so at once.
 */
export class QueryGate {
  readonly #sql: Sql;
  readonly #beforeEach: () => Promise<void>;
  #inside = 0;

  constructor(sql: Sql, beforeEach: () => Promise<void> = async () => {}) {
    this.#sql = sql;
    this.#beforeEach = beforeEach;
  }

  /** Throws OVERLOADED, QUERY_TOO_EXPENSIVE, STORE_UNAVAILABLE. */
  async run<T>(query: (sql: Sql) => Promise<T>): Promise<T> {
    if (this.#inside >= EVENT_QUERY_CONNECTIONS_MAX + EVENT_QUERIES_WAITING_MAX)
      throw new Fault("OVERLOADED", "too many queries run already", { retryAfterS: 1 });
    this.#inside += 1;
    try {
      await this.#beforeEach();
      return await query(this.#sql);
    } catch (cause) {
      if (!isStatementTimeout(cause)) throw storeFaultOf(cause) ?? cause;
      throw new Fault("QUERY_TOO_EXPENSIVE", "the query took too long; narrow it in time, or name a type", {
        cause,
      });
    } finally {
      this.#inside -= 1;
    }
  }
}

function isStatementTimeout(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === STATEMENT_TIMEOUT;
}
