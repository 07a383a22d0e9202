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
}

/** The same for each repetition of a request with an Idempotency-Key. */
export function repeatableMessageId({ owner, digest, part }: RepeatablePart): string {
  return `ik:${owner}:${digest}:${part}`;
}

/** What stands for an Idempotency-Key in headers and tables: 16 hex digits of its SHA-256. */
export function keyDigest(idempotencyKey: string): string {
  return new Bun.CryptoHasher("sha256").update(idempotencyKey).digest("hex").slice(0, 16);
}
