export interface EventFilter {
  readonly type: string;
  readonly source: string;
  readonly level: string;
  readonly q: string;
  /** How far back from now: 15m, 1h, 24h, 7d. Counts when `from` is empty. */
  readonly span: string;
  /** RFC 3339; empty: not given. */
  readonly from: string;
  readonly to: string;
}

export const SPANS = ["15m", "1h", "24h", "7d"] as const;
const SPAN_DEFAULT = "1h";
const UNIT_MS: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 };

export function readFilter(word: (name: string) => string): EventFilter {
  const span = word("span");
  return {
    ...{ type: word("type"), source: word("source"), level: word("level"), q: word("q") },
    span: span === "" ? SPAN_DEFAULT : span,
    ...{ from: word("from"), to: word("to") },
  };
}

/** Where the span begins; rounded to seconds, so that a list and its histogram agree. */
export function fromOf({ from, span }: EventFilter, nowMs = Date.now()): string {
  if (from !== "") return from;
  return new Date(Math.floor((nowMs - spanMs(span)) / 1_000) * 1_000).toISOString();
}

export function spanMs(span: string): number {
  const [, count = "1", unit = "h"] = /^(\d{1,4})([mhd])$/.exec(span) ?? [];
  return Number(count) * (UNIT_MS[unit] ?? 3_600_000);
}
