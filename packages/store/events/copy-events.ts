import type { Sql, Transaction } from "../connect.ts";
import { COPY_COLUMNS } from "./event-record.ts";

/**
 * Sends the rows, and then the statement that follows them in the transaction.
 *
 * The client library resolves the COPY when the server is ready for data; an error that comes later it gives to a promise
 * that has been resolved, and the stream never finishes. The next statement tells: it fails with SQLSTATE 25P02. The
 * error itself is caught on its way to that promise.
 */
export async function copyEvents<T>(
  transaction: Transaction,
  rows: string,
  follow: () => Promise<T>,
): Promise<T> {
  const copy = transaction.unsafe(`copy events (${COPY_COLUMNS}) from stdin`);
  const failure = watchFailure(copy);
  try {
    const stream = await copy.writable();
    const { promise: sent, resolve, reject } = Promise.withResolvers<void>();
    stream.on("error", reject);
    stream.write(Buffer.from(rows), (error) => (error ? reject(error) : resolve()));
    await sent;
    stream.end();
    await new Promise(setImmediate); // Its end goes out in the next tick; no statement may overtake it.
    return await follow();
  } catch (error) {
    throw failure.error ?? error;
  }
}

/** What the query is rejected with, even when it was resolved before. */
function watchFailure(query: object): { error: unknown } {
  const failure: { error: unknown } = { error: undefined };
  const { reject } = query as { reject?: (error: unknown) => void };
  if (typeof reject !== "function") return failure; // Another version of the library: 25P02 must do.
  Object.assign(query, {
    reject: (error: unknown) => {
      failure.error = error;
      reject(error);
    },
  });
  return failure;
}

/** Why PostgreSQL does not take these rows; null when it does. Nothing is stored. Throws when nobody can tell. */
export async function whyNotStorable(sql: Sql, rows: string): Promise<string | null> {
  try {
    await sql.begin(async (transaction) => {
      await copyEvents(transaction, rows, async () => void (await transaction`select 1`));
      throw ROLL_BACK;
    });
  } catch (error) {
    if (error === ROLL_BACK) return null;
    if (isRefusal(error)) return error instanceof Error ? error.message : String(error);
    throw error;
  }
  return null;
}

const ROLL_BACK = new Error("a trial");

/** SQLSTATE classes that speak of the content: data, constraints, limits of a row or an expression. */
const REFUSALS = /^(22|23|54)[0-9A-Z]{3}$/;

/** True: the content is at fault, and will be at every repetition. */
export function isRefusal(error: unknown): boolean {
  if (typeof error !== "object" || error === null || !("code" in error)) return false;
  return typeof error.code === "string" && REFUSALS.test(error.code);
}
