import type { HistoryBucket, WholeOverview } from "@millrace/protocol/overview";
import { Chart, type ChartSeries, Keys } from "../../parts/chart.tsx";
import { Panel } from "../../parts/panel.tsx";
import { countWords, durationWords, rateWords, shareWords } from "../../parts/words.ts";

const BUCKET_S = 10;

interface HistoryProps {
  readonly history: readonly HistoryBucket[];
}

/** Buckets: less than ten minutes would be drawn as a few steps. */
const SHOWN_MIN = 60;

/**
 * From the first bucket in which anything happened; and without the one that is still filling, whose fall would look
 * like a fall of the rate.
 */
function shown(history: readonly HistoryBucket[]): readonly HistoryBucket[] {
  const first = history.findIndex(
    ({ submitted, completed, failed, retried }) => submitted + completed + failed + retried > 0,
  );
  const from = first === -1 ? history.length : Math.max(0, first - 1);
  return history.slice(Math.min(from, Math.max(0, history.length - 1 - SHOWN_MIN)), -1);
}

function timesOf(history: readonly HistoryBucket[]): readonly number[] {
  return history.map(({ start }) => Date.parse(start) / 1_000);
}

export function Throughput({ history }: HistoryProps) {
  const buckets = shown(history);
  const perSecond = (count: (bucket: HistoryBucket) => number) =>
    buckets.map((bucket) => count(bucket) / BUCKET_S);
  const series: readonly ChartSeries[] = [
    { name: "in", tone: "idle", values: perSecond(({ submitted }) => submitted) },
    { name: "completed", tone: "good", values: perSecond(({ completed }) => completed), isFilled: true },
    { name: "failed", tone: "bad", values: perSecond(({ failed, retried }) => failed + retried) },
  ];
  const last = series.map(({ name, values }) => `${name} ${rateWords(values.at(-1) ?? 0)}`).join(", ");
  return (
    <Panel title="Throughput, per second" about={<Keys series={series} />} isPadded={false}>
      <Chart
        label={`Tasks per second over the last hour at most. Now: ${last}.`}
        times={timesOf(buckets)}
        series={series}
        words={rateWords}
      />
    </Panel>
  );
}

export function RunTimes({ history, numbers }: HistoryProps & { readonly numbers: WholeOverview }) {
  const buckets = shown(history);
  const series: readonly ChartSeries[] = [
    { name: "p50", tone: "accent", values: buckets.map(({ p50 }) => p50), isFilled: true },
    { name: "p95", tone: "busy", values: buckets.map(({ p95 }) => p95) },
    { name: "p99", tone: "warn", values: buckets.map(({ p99 }) => p99) },
  ];
  const { p50, p95, p99 } = numbers.run_ms;
  const named = series.map(({ name, tone }, index) => ({
    name: `${name} ${durationWords([p50, p95, p99][index] ?? null)}`,
    tone,
  }));
  return (
    <Panel title="Run time of attempts, 5 min" about={<Keys series={named} />} isPadded={false}>
      <Chart
        label={`Run times over the last hour. Now: ${named.map(({ name }) => name).join(", ")}.`}
        times={timesOf(buckets)}
        series={series}
        words={durationWords}
        isLog
      />
    </Panel>
  );
}

/** How much waits and runs: whether the workers keep up. */
export function Standing({ history, numbers }: HistoryProps & { readonly numbers: WholeOverview }) {
  const buckets = shown(history);
  const { counts } = numbers;
  const series: readonly ChartSeries[] = [
    { name: "pending", tone: "idle", values: buckets.map(({ pending }) => pending), isFilled: true },
    { name: "running", tone: "busy", values: buckets.map(({ running }) => running) },
  ];
  return (
    <Panel title="Pending and running" about={<Keys series={series} />} isPadded={false}>
      <Chart
        label={`Tasks that wait and run, over the last hour. Now: ${counts.pending} pending, ${counts.running} running.`}
        times={timesOf(buckets)}
        series={series}
        words={countWords}
        isWhole
      />
    </Panel>
  );
}

/** The share of attempts that failed, whether they are tried again or not. */
export function Failures({ history, numbers }: HistoryProps & { readonly numbers: WholeOverview }) {
  const buckets = shown(history);
  const { error_rate: now, counts } = numbers;
  const series: readonly ChartSeries[] = [
    { name: "attempts that fail", tone: "bad", values: buckets.map(failing), isFilled: true },
  ];
  return (
    <Panel
      title="Error rate"
      about={
        <p>
          <strong>{shareWords(now)}</strong> in 5 min, {countWords(counts.retried_1h)} retries in 1 h
        </p>
      }
      isPadded={false}
    >
      <Chart
        label={`Share of attempts that failed, over the last hour. Of the last five minutes: ${shareWords(now)}.`}
        times={timesOf(buckets)}
        series={series}
        words={shareWords}
      />
    </Panel>
  );
}

function failing({ completed, failed, retried }: HistoryBucket): number | null {
  const ended = completed + failed + retried;
  return ended === 0 ? null : (failed + retried) / ended;
}
