/** `Nats-Msg-Id` of a message: sent again with the same id, it is stored once within the stream's window. */
export function batchMessageId(batch: { readonly instance: string; readonly ordinal: number }): string {
  return `${batch.instance}:${batch.ordinal}`;
}

export interface RepeatablePart {
  /** The user who sent it: keys of two users are two keys. */
  readonly owner: number;
  /** See `keyDigest`. */
  readonly digest: string;
  /** Messages of one request count from 0. */
  readonly part: number;
  /** See `linesDigest`. */
  readonly body: string;
}

/** The same for each repetition of a request with an Idempotency-Key. */
export function repeatableMessageId({ owner, digest, part }: Omit<RepeatablePart, "body">): string {
  return `ik:${owner}:${digest}:${part}`;
}

/** What stands for an Idempotency-Key in headers and tables: 16 hex digits of its SHA-256. */
export function keyDigest(idempotencyKey: string): string {
  return new Bun.CryptoHasher("sha256").update(idempotencyKey).digest("hex").slice(0, 16);
}

/** Tells whether two bodies are the same lines, however the network has cut them: 16 hex digits of their SHA-256. */
export function linesDigest(runs: readonly Uint8Array[]): string {
  const hasher = new Bun.CryptoHasher("sha256");
  for (const run of runs) hasher.update(run).update("\n");
  return hasher.digest("hex").slice(0, 16);
}
