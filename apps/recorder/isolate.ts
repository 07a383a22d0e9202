import { type Sql, splitRows, whyNotStorable } from "@millrace/store";
import { readMessage, type StreamMessage } from "./read-message.ts";

interface LineRow {
  readonly line: number;
  readonly row: Uint8Array;
}

/**
 * Finds the lines of a message that PostgreSQL refuses, by halves: a few trials for one bad line among thousands. A trial
 * is a transaction that is rolled back. Throws when PostgreSQL fails for another reason.
 */
export async function findPoison(sql: Sql, message: StreamMessage): Promise<ReadonlyMap<number, string>> {
  const { rows, rejected } = readMessage(message);
  const unread = new Set(rejected.map(({ line }) => line));
  let line = 0;
  const lineRows = splitRows(rows).map((row) => {
    while (unread.has(line)) line += 1;
    return { line: line++, row };
  });
  const poison = new Map<number, string>();
  await search(sql, lineRows, poison);
  return poison;
}

async function search(sql: Sql, rows: readonly LineRow[], poison: Map<number, string>): Promise<void> {
  const [only] = rows;
  if (only === undefined) return;
  const reason = await whyNotStorable(
    sql,
    rows.map(({ row }) => row),
  );
  if (reason === null) return;
  if (rows.length === 1) {
    poison.set(only.line, reason);
    return;
  }
  const middle = Math.ceil(rows.length / 2);
  await search(sql, rows.slice(0, middle), poison);
  await search(sql, rows.slice(middle), poison);
}
