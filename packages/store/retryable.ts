/**
 * Failures of PostgreSQL and of the way to it, as a table: which heal by waiting, and which by running the same
 * transaction again. Whatever is not listed is a mistake of ours or of the data, and repeating it helps nobody.
 */

/** SQLSTATEs after which the same transaction, from its start, may succeed. Nothing of it was committed. */
const REPEAT: ReadonlyMap<string, string> = new Map([
  ["40001", "serialization failure"],
  ["40P01", "deadlock detected"],
  ["55P03", "lock not available"],
]);

/** SQLSTATEs of a server that cannot serve just now. */
const UNAVAILABLE: ReadonlyMap<string, string> = new Map([
  ["08000", "connection exception"],
  ["08001", "cannot establish the connection"],
  ["08003", "connection does not exist"],
  ["08004", "server rejected the connection"],
  ["08006", "connection failure"],
  ["25006", "read-only: the primary has moved"],
  ["53000", "insufficient resources"],
  ["53100", "disk full"],
  ["53200", "out of memory"],
  ["53300", "too many connections"],
  ["57014", "the statement took too long"], // Load or a lock; one that is always too slow is ours to notice.
  ["57P01", "administrator shut the server down"],
  ["57P02", "the server crashed"],
  ["57P03", "the server is starting or stopping"],
  ["57P05", "idle session closed"],
]);

/** Codes of the client library and of the operating system that mean: no connection, or it broke. */
const DISCONNECTED: ReadonlySet<string> = new Set([
  "CONNECTION_CLOSED",
  "CONNECTION_DESTROYED",
  "CONNECTION_ENDED",
  "CONNECT_TIMEOUT",
  "ECONNREFUSED",
  "ECONNRESET",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENOENT", // The socket file of a server that is not running.
  "ENOTFOUND",
  "EAI_AGAIN",
  "EPIPE",
  "ETIMEDOUT",
]);

export type StoreFailure =
  /** Nothing was committed; the same transaction may succeed at once. */
  | { readonly kind: "repeat"; readonly reason: string }
  /** No answer: whether the transaction was committed is unknown when it was already sent. */
  | { readonly kind: "unavailable"; readonly reason: string }
  | { readonly kind: "other" };

export function classifyStoreFailure(error: unknown): StoreFailure {
  const code = codeOf(error);
  if (code === undefined) return { kind: "other" };
  const repeat = REPEAT.get(code);
  if (repeat !== undefined) return { kind: "repeat", reason: repeat };
  const unavailable = UNAVAILABLE.get(code);
  if (unavailable !== undefined) return { kind: "unavailable", reason: unavailable };
  if (DISCONNECTED.has(code)) return { kind: "unavailable", reason: code.toLowerCase().replaceAll("_", " ") };
  return { kind: "other" };
}

function codeOf(error: unknown): string | undefined {
  if (typeof error !== "object" || error === null || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}
