import { HISTOGRAM_BUCKETS_MAX, HISTOGRAM_KEYS_MAX } from "@millrace/core/limits";
import { countEvents, type HistogramCount, type HistogramWish } from "@millrace/store";
import type { QueryGate } from "./query-gate.ts";
import { badQuery, type Span } from "./query-words.ts";

/** Beside the most frequent keys. */
const OTHERS = "(others)";
const MINUTE_MS = 60_000;

export interface HistogramBucket {
  readonly start: string;
  readonly total: number;
  /** By key; absent ones are zero. Empty without `by`. */
  readonly counts: Readonly<Record<string, number>>;
}

export interface Histogram {
  readonly from: string;
  readonly to: string;
  /** The most frequent first. */
  readonly keys: readonly string[];
  readonly buckets: readonly HistogramBucket[];
}

/** Counts by interval, with the empty intervals. The span is widened to whole intervals. Throws VALIDATION_FAILED. */
export async function makeHistogram(
  gate: QueryGate,
  wish: Omit<HistogramWish, keyof Span> & { readonly span: Span },
): Promise<Histogram> {
  const { span, intervalMs } = wish;
  const fromMs = Math.floor(span.fromMs / intervalMs) * intervalMs;
  const toMs = Math.ceil(span.toMs / intervalMs) * intervalMs;
  const buckets = (toMs - fromMs) / intervalMs;
  if (buckets > HISTOGRAM_BUCKETS_MAX)
    throw badQuery("interval", `gives ${buckets} intervals, and ${HISTOGRAM_BUCKETS_MAX} are the most`);
  const counts = await gate.run((sql) => countEvents(sql, { ...wish, fromMs, toMs }));
  const keys = mostFrequent(counts);
  return {
    from: new Date(fromMs).toISOString(),
    to: new Date(toMs).toISOString(),
    keys,
    buckets: fill(counts, new Set(keys), { fromMs, toMs, intervalMs }),
  };
}

/** An interval that suits a span: about a hundred of them. */
export function suitableInterval({ fromMs, toMs }: Span): number {
  const steps = [1, 5, 15, 60, 360, 1_440, 10_080].map((minutes) => minutes * MINUTE_MS);
  return steps.find((stepMs) => (toMs - fromMs) / stepMs <= 120) ?? 30 * 1_440 * MINUTE_MS;
}

function mostFrequent(counts: readonly HistogramCount[]): readonly string[] {
  const totals = new Map<string, number>();
  for (const { key, events } of counts) if (key !== null) totals.set(key, (totals.get(key) ?? 0) + events);
  const sorted = [...totals].sort(([, one], [, other]) => other - one).map(([key]) => key);
  return sorted.length <= HISTOGRAM_KEYS_MAX ? sorted : [...sorted.slice(0, HISTOGRAM_KEYS_MAX), OTHERS];
}

function fill(
  counts: readonly HistogramCount[],
  keys: ReadonlySet<string>,
  { fromMs, toMs, intervalMs }: Span & { readonly intervalMs: number },
): readonly HistogramBucket[] {
  const filled = new Map<number, { total: number; counts: Map<string, number> }>();
  for (let startMs = fromMs; startMs < toMs; startMs += intervalMs)
    filled.set(startMs, { total: 0, counts: new Map() });
  for (const { startMs, key, events } of counts) {
    const bucket = filled.get(startMs);
    if (bucket === undefined) continue;
    bucket.total += events;
    if (key === null) continue;
    const shown = keys.has(key) ? key : OTHERS;
    bucket.counts.set(shown, (bucket.counts.get(shown) ?? 0) + events);
  }
  return [...filled].map(([startMs, { total, counts: byKey }]) => ({
    start: new Date(startMs).toISOString(),
    total,
    counts: Object.fromEntries(byKey),
  }));
}
