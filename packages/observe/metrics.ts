import { assert } from "@millrace/core";
import { Counter, Gauge, Histogram, Registry } from "prom-client";
import { LabelGuard } from "./label-guard.ts";
import { registerProcessMetrics } from "./process-metrics.ts";

export type Labels<L extends string> = Readonly<Record<L, string>>;

/** Counts what happened. */
export interface CounterMetric<L extends string> {
  /** `by` is at least 0, and 1 by default. */
  add(labels: Labels<L>, by?: number): void;
}

/** Shows how much there is now. */
export interface GaugeMetric<L extends string> {
  set(labels: Labels<L>, value: number): void;
  add(labels: Labels<L>, by: number): void;
  /** Forgets every series: for gauges that are read from a snapshot as a whole. */
  clear(): void;
}

/** Shows how values are spread: durations in seconds, sizes in bytes or rows. */
export interface HistogramMetric<L extends string> {
  observe(labels: Labels<L>, value: number): void;
}

export interface MetricDefinition<L extends string> {
  /** `millrace_<noun>_<unit>`, and `_total` at the end of counters. */
  readonly name: string;
  /** What it means, for the reader of /metrics. */
  readonly help: string;
  readonly labels?: readonly L[];
}

export interface CounterDefinition<L extends string> extends MetricDefinition<L> {
  /** For a counter without labels that somebody else keeps: asked at each scrape; never falls. */
  readonly collect?: () => number;
}

export interface HistogramDefinition<L extends string> extends MetricDefinition<L> {
  /** Upper bounds, rising; by default durations from 1 ms to 5 min. */
  readonly buckets?: readonly number[];
}

export interface GaugeDefinition<L extends string> extends MetricDefinition<L> {
  /** Called at each scrape, to set the gauge. Must be quick: no query, no request. */
  readonly collect?: (gauge: GaugeMetric<L>) => void;
}

export interface Metrics {
  counter<L extends string = never>(definition: CounterDefinition<L>): CounterMetric<L>;
  gauge<L extends string = never>(definition: GaugeDefinition<L>): GaugeMetric<L>;
  histogram<L extends string = never>(definition: HistogramDefinition<L>): HistogramMetric<L>;
  /** The exposition text of everything, for `GET /metrics`. */
  render(): Promise<string>;
  readonly contentType: string;
}

const DURATION_BUCKETS_S = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300,
] as const;

const NAME = /^millrace_[a-z][a-z0-9]*(_[a-z0-9]+)*$/;

function namesOf<L extends string>(definition: MetricDefinition<L>) {
  assert(NAME.test(definition.name), `a metric is called millrace_<noun>_<unit>, not ${definition.name}`);
  return { name: definition.name, help: definition.help, labelNames: [...(definition.labels ?? [])] };
}

/** A registry of its own, so that two services in one test process do not mix. Each series carries `service`. */
export function createMetrics(options: { readonly service: string }): Metrics {
  const registry = new Registry();
  registry.setDefaultLabels({ service: options.service });
  registerProcessMetrics(registry);
  const registers = [registry];
  return {
    contentType: registry.contentType,
    render: () => registry.metrics(),
    counter: <L extends string>(definition: CounterDefinition<L>) => createCounter(definition, registers),
    gauge: <L extends string>(definition: GaugeDefinition<L>) => createGauge(definition, registers),
    histogram: <L extends string>(definition: HistogramDefinition<L>): HistogramMetric<L> => {
      const buckets = [...(definition.buckets ?? DURATION_BUCKETS_S)];
      const histogram = new Histogram<L>({ ...namesOf(definition), registers, buckets });
      const guard = new LabelGuard();
      return { observe: (labels, value) => histogram.observe(guard.bound(labels), value) };
    },
  };
}

function createCounter<L extends string>(
  definition: CounterDefinition<L>,
  registers: Registry[],
): CounterMetric<L> {
  assert(definition.name.endsWith("_total"), `a counter ends in _total: ${definition.name}`);
  const { collect } = definition;
  let counted = 0;
  const counter = new Counter<L>({
    ...namesOf(definition),
    registers,
    ...(collect !== undefined && {
      collect: () => {
        const now = Math.max(counted, collect());
        counter.inc(now - counted);
        counted = now;
      },
    }),
  });
  const guard = new LabelGuard();
  return { add: (labels, by = 1) => counter.inc(guard.bound(labels), by) };
}

function createGauge<L extends string>(
  definition: GaugeDefinition<L>,
  registers: Registry[],
): GaugeMetric<L> {
  assert(!definition.name.endsWith("_total"), `only a counter ends in _total: ${definition.name}`);
  const { collect } = definition;
  const collected = collect === undefined ? {} : { collect: () => collect(metric) };
  const gauge = new Gauge<L>({ ...namesOf(definition), registers, ...collected });
  const guard = new LabelGuard();
  const metric: GaugeMetric<L> = {
    set: (labels, value) => gauge.set(guard.bound(labels), value),
    add: (labels, by) => gauge.inc(guard.bound(labels), by),
    clear: () => gauge.reset(),
  };
  return metric;
}
