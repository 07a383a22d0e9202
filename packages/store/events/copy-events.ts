import type { Sql, Transaction } from "../connect.ts";
import { COPY_COLUMNS } from "./event-record.ts";

/**
 * Sends the rows. Whether PostgreSQL took them, only the next statement of the transaction tells: it fails with SQLSTATE
 * 25P02 when not. (The client library loses an error that comes after the end of the data, and never calls back. Waiting
 * for the stream to finish would wait for ever.)
 */
export async function copyEvents(transaction: Transaction, rows: string): Promise<void> {
  const stream = await transaction.unsafe(`copy events (${COPY_COLUMNS}) from stdin`).writable();
  const { promise: sent, resolve, reject } = Promise.withResolvers<void>();
  stream.on("error", reject);
  stream.write(Buffer.from(rows), (error) => (error ? reject(error) : resolve()));
  await sent;
  stream.end();
  await new Promise(setImmediate); // Its end goes out in the next tick; no statement may overtake it.
}

/** Whether PostgreSQL takes these rows. Nothing is stored. */
export async function areStorable(sql: Sql, rows: readonly string[]): Promise<boolean> {
  try {
    await sql.begin(async (transaction) => {
      await copyEvents(transaction, rows.join(""));
      await transaction`select 1`;
      throw ROLL_BACK;
    });
  } catch (error) {
    if (error === ROLL_BACK) return true;
    if (isRefusal(error)) return false;
    throw error;
  }
  return true;
}

const ROLL_BACK = new Error("a trial");

/** The classes of SQLSTATE that speak of the content: data, constraints, a row or expression beyond a limit. */
const REFUSALS = new Set(["22", "23", "54", "25"]);

/** True: the content is at fault, and it will be at every repetition. */
export function isRefusal(error: unknown): boolean {
  if (typeof error !== "object" || error === null || !("code" in error)) return false;
  return (
    typeof error.code === "string" && /^[0-9A-Z]{5}$/.test(error.code) && REFUSALS.has(error.code.slice(0, 2))
  );
}
