import type { Sql, Transaction } from "../connect.ts";
import { COPY_COLUMNS, readRow } from "./event-rows.ts";

const SIGNATURE = Buffer.from("PGCOPY\n\xff\r\n\0", "latin1");
/** Behind the signature: no flags, no extension. */
const HEADER = Buffer.concat([SIGNATURE, Buffer.alloc(8)]);
/** Stands where a row's number of fields would. */
const TRAILER = Buffer.from([0xff, 0xff]);

/**
 * Sends the rows, and then the statement that follows them in the transaction.
 *
 * The client library resolves the COPY when the server is ready for data; an error that comes later it gives to a promise
 * that has been resolved, and the stream never finishes. The next statement tells: it fails with SQLSTATE 25P02. The
 * error itself is caught on its way to that promise.
 */
export async function copyEvents<T>(
  transaction: Transaction,
  rows: readonly Uint8Array[],
  follow: () => Promise<T>,
): Promise<T> {
  const copy = transaction.unsafe(`copy events (${COPY_COLUMNS}) from stdin (format binary)`);
  const failure = watchFailure(copy);
  try {
    const stream = await copy.writable();
    const { promise: sent, resolve, reject } = Promise.withResolvers<void>();
    stream.on("error", reject);
    for (const bytes of [HEADER, ...rows]) stream.write(bytes);
    stream.write(TRAILER, (error) => (error ? reject(error) : resolve()));
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
export async function whyNotStorable(sql: Sql, rows: readonly Uint8Array[]): Promise<string | null> {
  const fields = columnsOf(rows.map(readRow));
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
const TYPES = "time bigint bigint text time integer text text text text jsonb text".split(" ");
const INSERT = `insert into events (${COPY_COLUMNS})
  select ${TYPES.map((type, n) => (type === "time" ? timeOf(`f${n}`) : `f${n}::${type}`)).join()}
  from unnest(${TYPES.map((_, n) => `$${n + 1}::text[]`).join()}) as fields(${TYPES.map((_, n) => `f${n}`).join()})`;

function timeOf(micros: string): string {
  return `timestamptz '2000-01-01 00:00:00+00' + ${micros}::bigint * interval '1 microsecond'`;
}

function columnsOf(rows: readonly (readonly (string | null)[])[]): (string | null)[][] {
  return TYPES.map((_, column) => rows.map((row) => row[column] ?? null));
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
