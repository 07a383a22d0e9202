import type { HistogramMetric, Metrics } from "./metrics.ts";

const SIZES = [1, 2, 5, 10, 25, 50, 100, 250, 500, 1_000, 5_000] as const;

/** One histogram for each registry, whoever asks first. */
const histograms = new WeakMap<Metrics, HistogramMetric<"group">>();

/**
 * For `onGroup` of a group commit: how many rows shared a round trip. Groups of 1 under load mean that callers come one by one;
 * groups that are always full mean that they wait for each other.
 */
export function groupSizes(metrics: Metrics, group: string): (rows: number) => void {
  let histogram = histograms.get(metrics);
  if (histogram === undefined) {
    histogram = metrics.histogram<"group">({
      name: "millrace_group_commit_rows",
      help: "Rows that were committed, or published, together.",
      labels: ["group"],
      buckets: SIZES,
    });
    histograms.set(metrics, histogram);
  }
  const sizes = histogram;
  return (rows) => sizes.observe({ group }, rows);
}
