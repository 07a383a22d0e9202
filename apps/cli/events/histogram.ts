import type { Histogram, HistogramBucket } from "@millrace/client";
import { EXIT } from "../shell/exit-status.ts";
import { positionals, readArguments, wordOption } from "../shell/read-arguments.ts";
import { formatTable } from "../shell/table.ts";
import type { Action } from "./action.ts";
import { drawBar } from "./draw-bars.ts";
import { KIND_OPTIONS, kindsOf } from "./read-filter.ts";
import { readTime } from "./read-time.ts";

export const HISTOGRAM_OPTIONS = {
  ...KIND_OPTIONS,
  from: { type: "string" },
  to: { type: "string" },
  interval: { type: "string" },
  by: { type: "string" },
  json: { type: "boolean", default: false },
} as const;
const BAR_CHARS = 40;
/** Columns beside the bar; the further keys are added up. */
const KEYS_SHOWN = 5;
const MINUTE_CHARS = "2026-01-15T12:00".length;

export const histogram: Action = async (events, { args, say }) => {
  const { values, positionals: rest } = readArguments(args, HISTOGRAM_OPTIONS);
  positionals(rest, []);
  const nowMs = Date.now();
  const counted = await events.histogram({
    ...kindsOf(values),
    from: readTime("from", values.from, nowMs),
    to: readTime("to", values.to, nowMs),
    interval: values.interval,
    by: wordOption("by", values.by, ["type", "source", "level"]),
  });
  say(values.json ? JSON.stringify(counted) : draw(counted));
  return EXIT.done;
};

function draw({ buckets, keys }: Histogram): string {
  const total = buckets.reduce((sum, bucket) => sum + bucket.total, 0);
  if (total === 0) return "no such event";
  const most = Math.max(...buckets.map((bucket) => bucket.total));
  const shown = keys.slice(0, KEYS_SHOWN);
  const hasMore = keys.length > shown.length;
  const rows = withoutEmptyEnds(buckets).map((bucket) => [
    `${bucket.start.slice(0, MINUTE_CHARS)}Z`,
    String(bucket.total),
    ...shown.map((key) => String(bucket.counts[key] ?? 0)),
    ...(hasMore ? [String(restOf(bucket, shown))] : []),
    drawBar(bucket.total, most, BAR_CHARS),
  ]);
  const heading = ["start", "events", ...shown, ...(hasMore ? ["others"] : []), ""];
  return `${formatTable(heading, rows)}\n\n${total} events`;
}

function restOf({ total, counts }: HistogramBucket, shown: readonly string[]): number {
  return shown.reduce((rest, key) => rest - (counts[key] ?? 0), total);
}

/** Hours without events before the first one and after the last one say nothing. */
function withoutEmptyEnds(buckets: readonly HistogramBucket[]): readonly HistogramBucket[] {
  const isFull = ({ total }: HistogramBucket) => total > 0;
  return buckets.slice(buckets.findIndex(isFull), buckets.findLastIndex(isFull) + 1);
}
