/** What the hashing thread is told. It answers each message, in their order. */
export type HashRequest =
  /** The file from where it was left, up to `end`. Answered with null, or with false when it could not be read. */
  | { readonly kind: "read"; readonly id: number; readonly fd: number; readonly end: number }
  /** Answered with hex; what it has so far stays: more may be added. With false when something could not be read. */
  | { readonly kind: "end"; readonly id: number }
  | { readonly kind: "forget"; readonly id: number };

export type HashReply = string | null | false;
