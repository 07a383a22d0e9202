/** What operators order: which queues are paused, what is limited, whose breakers are forced, who is drained. */
export const ORDER_KINDS = ["pauses", "limits", "breakers", "drains"] as const;
export type OrderKind = (typeof ORDER_KINDS)[number];

/** The answer to a question on `control.orders`, whose body is a kind. */
export interface OrdersHeeded {
  /** Who answers: a worker's session, an api process's instance. */
  readonly by: string;
  /** False: they could not be read here, and are tried again. */
  readonly heeded: boolean;
}

/** Null for what no process of ours asks: another version's, maybe. */
export function decodeOrderKind(body: string): OrderKind | null {
  return ORDER_KINDS.find((kind) => kind === body) ?? null;
}

/** Null for what is no answer of ours: anybody can answer. */
export function decodeOrdersHeeded(body: string): OrdersHeeded | null {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    return null;
  }
  if (typeof value !== "object" || value === null) return null;
  const { by, heeded } = value as Partial<Record<keyof OrdersHeeded, unknown>>;
  return typeof by === "string" && typeof heeded === "boolean" ? { by, heeded } : null;
}
