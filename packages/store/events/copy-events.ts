import type { Sql, Transaction } from "../connect.ts";
import { COPY_COLUMNS, copiedText } from "./event-record.ts";

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
    throw failure.error ?? (codeOf(error) === IN_FAILED_TRANSACTION ? new CopyFailure(error) : error);
  }
}

/** What every statement fails with after one that failed. */
const IN_FAILED_TRANSACTION = "25P02";

/** COPY failed, and the client library did not say why: it may have been the content. */
export class CopyFailure extends Error {
  constructor(cause: unknown) {
    super("COPY failed for a reason that the client library keeps to itself", { cause });
    this.name = "CopyFailure";
  }
}

/** What the query is rejected with, even when it was resolved before. */
function watchFailure(query: object): { error: unknown } {
  const failure: { error: unknown } = { error: undefined };
  const { reject } = query as { reject?: (error: unknown) => void };
  if (typeof reject !== "function") return failure; // Another version of the library: then it is a CopyFailure.
  Object.assign(query, {
    reject: (error: unknown) => {
      failure.error = error;
      reject(error);
    },
  });
  return failure;
}

/**
 * Why PostgreSQL does not take these rows; null when it does. Nothing is stored. Throws when nobody can tell. By INSERT,
 * which is slower than COPY and always says what is wrong.
 */
export async function whyNotStorable(sql: Sql, rows: string): Promise<string | null> {
  const fields = fieldsOf(rows);
  try {
    await sql.begin(async (transaction) => {
      await transaction.unsafe(INSERT, fields);
      throw ROLL_BACK;
    });
  } catch (error) {
    if (error === ROLL_BACK) return null;
    if (isRefusal(error)) return error instanceof Error ? error.message : String(error);
    throw error;
  }
  return null;
}

/** Of COPY_COLUMNS, in their order. */
const TYPES = "timestamptz timestamptz bigint bigint integer text text text text jsonb text text".split(" ");
const INSERT = `insert into events (${COPY_COLUMNS})
  select ${TYPES.map((type, n) => `f${n}::${type}`).join()}
  from unnest(${TYPES.map((_, n) => `$${n + 1}::text[]`).join()}) as fields(${TYPES.map((_, n) => `f${n}`).join()})`;

/** Column by column. */
function fieldsOf(rows: string): (string | null)[][] {
  const lines = rows
    .split("\n")
    .slice(0, -1)
    .map((row) => row.split("\t"));
  return TYPES.map((_, column) => lines.map((line) => copiedText(line[column] ?? "")));
}

const ROLL_BACK = new Error("a trial");

/** SQLSTATE classes that speak of the content: data, constraints, limits of a row or an expression. */
const REFUSALS = /^(22|23|54)[0-9A-Z]{3}$/;

/** True: the content is at fault, and will be at every repetition. */
export function isRefusal(error: unknown): boolean {
  return REFUSALS.test(codeOf(error) ?? "");
}

function codeOf(error: unknown): string | undefined {
  if (typeof error !== "object" || error === null || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}
