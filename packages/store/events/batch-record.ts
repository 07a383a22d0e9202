/** One message of the stream EVENTS, read and ready to be stored. */
export interface BatchRecord {
  readonly seq: number;
  /** The api process that wrote it; "" for messages of others. */
  readonly instance: string;
  readonly ordinal: number;
  /** Epoch ms at which its first request arrived. */
  readonly receivedMs: number;
  readonly bytes: number;
  /** Lines that the api accepted: as many as `stored` and `rejected` together. */
  readonly events: number;
  /** Records that the api refused. */
  readonly refused: number;
  /** Events in all messages of the instance with lower ordinals; null when the message does not say. */
  readonly before: number | null;
  readonly voided: readonly VoidedOrdinal[];
  /** Set when the message is a part of one request that its client may repeat. */
  readonly repeatable: RepeatableKey | null;
  /** Events to be stored, and their rows; see `EventRows`. */
  readonly stored: number;
  readonly rows: Uint8Array;
  readonly rollups: readonly Rollup[];
  readonly rejected: readonly RejectedRecord[];
}

export interface RepeatableKey {
  readonly ownerId: number;
  readonly digest: string;
  readonly part: number;
  /** Of the message's lines; null when the message does not say. */
  readonly bodyDigest: string | null;
}

/** A number that an api process gave up. */
export interface VoidedOrdinal {
  readonly ordinal: number;
  /** That its message would have held; null when nobody has told. */
  readonly events: number | null;
}

/** Events of one kind in one minute. */
export interface Rollup {
  /** Epoch ms. */
  readonly minuteMs: number;
  readonly type: string;
  readonly source: string;
  readonly level: string;
  readonly ownerId: number;
  readonly events: number;
}

export interface RejectedRecord {
  readonly line: number;
  readonly ownerId: number;
  readonly reason: string;
  readonly detail: string;
  /** The bytes as they came. */
  readonly record: Uint8Array;
}

/** How its events ended: together as many as it brought. */
export interface Recorded {
  readonly seq: number;
  readonly stored: number;
  readonly rejected: number;
  readonly deduplicated: number;
  /** Its Idempotency-Key had been used with another body. It is not a repetition, so it was stored. */
  readonly isKeyReused: boolean;
}
