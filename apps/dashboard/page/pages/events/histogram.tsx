import { Chart, type ChartSeries, Keys } from "../../parts/chart.tsx";
import { Shown } from "../../parts/nothing.tsx";
import { Panel } from "../../parts/panel.tsx";
import { countWords } from "../../parts/words.ts";
import { useLoad } from "../../state/load.ts";
import { setWords, word } from "../../state/location.ts";
import { getJson, queryOf } from "../../wire/api.ts";
import type { Histogram } from "../../wire/shapes.ts";
import { type EventFilter, fromOf } from "./filter.ts";

const DIMENSIONS = ["level", "type", "source"] as const;
const TONES = ["accent", "busy", "warn", "good", "idle", "bad"];
const KEYS_MAX = 5;
const LEVEL_TONES: Readonly<Record<string, string>> = {
  error: "bad",
  critical: "bad",
  fatal: "bad",
  warning: "warn",
  warn: "warn",
  info: "busy",
  debug: "idle",
};

/** How many events came when, by level, type or source. The text filter does not count: nobody counts by it in time. */
export function EventHistogram({ filter }: { readonly filter: EventFilter }) {
  const by = DIMENSIONS.find((dimension) => dimension === word("by")) ?? "level";
  const { type, source, level, to } = filter;
  const loaded = useLoad(`histogram ${by} ${JSON.stringify({ ...filter, q: "" })}`, (signal) =>
    getJson<Histogram>(
      `/api/events/histogram${queryOf({ from: fromOf(filter), to, type, source, level, by })}`,
      signal,
    ),
  );
  return (
    <Shown loaded={loaded}>
      {(histogram) => {
        const series = seriesOf(histogram);
        const total = histogram.buckets.reduce((sum, bucket) => sum + bucket.total, 0);
        return (
          <Panel
            title={`${countWords(total)} events${filter.q === "" ? "" : ", whatever their message"}`}
            about={<About by={by} series={series} />}
            isPadded={false}
          >
            <Chart
              label={`Events over time: ${countWords(total)} in all, ${histogram.interval_s} s a bar.`}
              times={histogram.buckets.map(({ start }) => Date.parse(start) / 1_000)}
              series={series}
              words={countWords}
              heightPx={132}
              isBars
              isWhole
            />
          </Panel>
        );
      }}
    </Shown>
  );
}

function About({ by, series }: { readonly by: string; readonly series: readonly ChartSeries[] }) {
  return (
    <div class="actions">
      <Keys series={series} />
      <select
        value={by}
        aria-label="Coloured by"
        onChange={({ currentTarget }) => setWords({ by: currentTarget.value })}
      >
        {DIMENSIONS.map((dimension) => (
          <option key={dimension} value={dimension}>
            by {dimension}
          </option>
        ))}
      </select>
    </div>
  );
}

/** The most frequent keys, and the rest together. */
function seriesOf({ keys, buckets }: Histogram): readonly ChartSeries[] {
  const shown = keys.slice(0, KEYS_MAX);
  const named = shown.map((key, index) => ({
    name: key,
    tone: LEVEL_TONES[key.toLowerCase()] ?? TONES[index % TONES.length] ?? "accent",
    values: buckets.map(({ counts }) => counts[key] ?? 0),
  }));
  const rest = buckets.map(
    ({ total, counts }) => total - shown.reduce((sum, key) => sum + (counts[key] ?? 0), 0),
  );
  if (rest.every((count) => count === 0) && named.length > 0) return named;
  return [...named, { name: "other", tone: "idle", values: rest }];
}
