/** What the shops of the demo log: made from numbers alone, so that it is known beforehand what becomes of each line. */
export interface ShopLine {
  readonly text: string;
  /** The code that it is refused with; undefined: it is well-formed. */
  readonly refusal: string | undefined;
  readonly id: string;
}

/** One line in so many is broken. */
const BROKEN_EVERY = 500;
const FAR_AHEAD_MS = 7 * 86_400_000;
const LEVELS = ["info", "info", "info", "warn", "error"] as const;

export interface ShopDay {
  readonly shop: string;
  readonly type: string;
  readonly nowMs: number;
}

/** The n-th line of a shop's log, from 0. */
export function shopLine({ shop, type, nowMs }: ShopDay, n: number): ShopLine {
  const id = `${shop}-${n}`;
  const event = {
    ...{ id, type, source: shop, level: LEVELS[n % LEVELS.length] },
    timestamp: new Date(nowMs).toISOString(),
    message: `order ${n} is paid`,
    attributes: { order: n, cents: 100 + ((n * 7_919) % 90_000) },
  };
  const text = JSON.stringify(event);
  if (n % BROKEN_EVERY !== BROKEN_EVERY - 1) return { text, refusal: undefined, id };
  const ahead = new Date(nowMs + FAR_AHEAD_MS).toISOString();
  const broken = [
    { text: text.slice(0, -10), refusal: "BAD_JSON", id },
    { text: JSON.stringify({ ...event, timestamp: ahead }), refusal: "EVENT_TOO_NEW", id },
    { text: JSON.stringify({ ...event, message: undefined }), refusal: "VALIDATION_FAILED", id },
  ] as const;
  return broken[Math.floor(n / BROKEN_EVERY) % broken.length] ?? broken[0];
}
