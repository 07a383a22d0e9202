/** What the hashing thread is told. It answers each message, in their order: with hex for "end", with null otherwise. */
export type HashRequest =
  | { readonly kind: "add"; readonly id: number; readonly memory: SharedArrayBuffer; readonly length: number }
  /** What it has so far stays: more may be added. */
  | { readonly kind: "end"; readonly id: number }
  | { readonly kind: "forget"; readonly id: number };

export type HashReply = string | null;
