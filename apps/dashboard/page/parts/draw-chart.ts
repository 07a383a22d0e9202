import uPlot from "uplot";
import type { ChartProps, ChartSeries, Drawn } from "./chart.tsx";

const TONES: readonly string[] = ["accent", "good", "busy", "bad", "warn", "idle"];

/** Draws into the element and follows its width. */
export function drawChart(element: HTMLElement, given: ChartProps): Drawn {
  const chart = new uPlot(
    optionsOf(element, inDrawingOrder(given)),
    valuesOf(inDrawingOrder(given)),
    element,
  );
  const observer = new ResizeObserver(() => {
    const { clientWidth } = element;
    if (clientWidth > 0) chart.setSize({ width: innerWidth(element), height: chart.height });
  });
  observer.observe(element);
  return {
    set: (next) => chart.setData(valuesOf(inDrawingOrder(next))),
    end: () => {
      observer.disconnect();
      chart.destroy();
    },
  };
}

/** Bars that are stacked are drawn from the top down, each in front of the one before. */
function inDrawingOrder(props: ChartProps): ChartProps {
  return props.isBars ? { ...props, series: props.series.toReversed() } : props;
}

function innerWidth(element: HTMLElement): number {
  const { paddingLeft, paddingRight } = getComputedStyle(element);
  return Math.max(
    120,
    element.clientWidth - Number.parseFloat(paddingLeft) - Number.parseFloat(paddingRight),
  );
}

function valuesOf({ times, series, isBars = false }: ChartProps): uPlot.AlignedData {
  const rows = series.map(({ values }) => [...values]);
  if (isBars) stack(rows);
  return [[...times], ...rows];
}

/** Each row lies on the one after it. */
function stack(rows: (number | null)[][]): void {
  for (let index = rows.length - 2; index >= 0; index--) {
    const [row = [], below = []] = [rows[index], rows[index + 1]];
    for (const [at, value] of row.entries()) row[at] = (value ?? 0) + (below[at] ?? 0);
  }
}

function optionsOf(element: HTMLElement, props: ChartProps): uPlot.Options {
  const style = getComputedStyle(document.documentElement);
  const colour = (name: string) => style.getPropertyValue(`--${name}`).trim();
  const axis = {
    stroke: colour("text-soft"),
    font: `11px ${style.getPropertyValue("--sans")}`,
    grid: { stroke: colour("line"), width: 1 },
    ticks: { show: false },
  };
  const { series, words, heightPx = 170, isBars = false } = props;
  return {
    width: innerWidth(element),
    height: heightPx,
    padding: [8, 20, 0, 0],
    legend: { show: false },
    cursor: { y: false, points: { size: 6 }, drag: { x: false, y: false } },
    plugins: [tip(props)],
    scales: { x: isBars ? BARS : { time: true }, y: props.isLog ? LOG : LINEAR },
    axes: [
      { ...axis, size: 26, grid: { show: false }, values: (_, ticks) => ticks.map(clockWords) },
      {
        ...axis,
        size: 56,
        values: named(words),
        ...(props.isWhole && { incrs: WHOLE_STEPS }),
        ...(props.isLog && { filter: powersOfTen, grid: { ...axis.grid, filter: powersOfTen } }),
      },
    ],
    series: [{}, ...series.map((one) => seriesOf(one, colour, isBars))],
  };
}

/** Of things that are counted there is no half. */
const WHOLE_STEPS = Array.from(
  { length: 30 },
  (_, index) => ([1, 2, 5][index % 3] ?? 1) * 10 ** Math.floor(index / 3),
);

/** A bar stands for the time from its start to that of the next one, and the newest has no next one. */
const BARS: uPlot.Scale = {
  time: true,
  range: ({ data: [times] }, min, max) => [min, max + ((times.at(-1) ?? 0) - (times.at(-2) ?? 0))],
};
const LINEAR: uPlot.Scale = { range: (_, __, max) => [0, Math.max(max ?? 0, 0.1) * 1.12] };
const LOG: uPlot.Scale = {
  distr: 3,
  range: (_, min, max) => [
    10 ** Math.floor(Math.log10(min || 1)),
    10 ** Math.ceil(Math.log10((max || 1) * 1.01)),
  ],
};

/** A tick that was filtered out is null. */
function named(words: (value: number) => string) {
  return (_: uPlot, ticks: (number | null)[]): string[] =>
    ticks.map((tick) => (tick === null ? "" : words(tick)));
}

/** The others would be too many, and say nothing more. */
function powersOfTen(_: uPlot, ticks: number[]): (number | null)[] {
  return ticks.map((tick) =>
    Math.abs(Math.log10(tick) - Math.round(Math.log10(tick))) < 1e-6 ? tick : null,
  );
}

function seriesOf(
  { name, tone, isFilled = false }: ChartSeries,
  colour: (name: string) => string,
  isBars: boolean,
): uPlot.Series {
  const stroke = colour(TONES.includes(tone) ? tone : "accent");
  if (isBars) {
    const paths = uPlot.paths.bars?.({ size: [0.86, 40], align: 1 });
    return { label: name, stroke, fill: stroke, width: 0, points: { show: false }, ...(paths && { paths }) };
  }
  return {
    label: name,
    stroke,
    width: 1.6,
    // A few values far apart would be lines of no length.
    points: { size: 4, width: 0, fill: stroke, show: (chart, index) => isSparse(chart.data[index] ?? []) },
    ...(isFilled && { fill: `color-mix(in srgb, ${stroke} 12%, transparent)` }),
  };
}

const SPARSE_MAX = 20;

function isSparse(values: ArrayLike<number | null | undefined>): boolean {
  return (
    Array.from(values).filter((value) => value !== null && value !== undefined && value !== 0).length <=
    SPARSE_MAX
  );
}

function clockWords(seconds: number): string {
  const moment = new Date(seconds * 1_000);
  const isMidnight = moment.getHours() === 0 && moment.getMinutes() === 0;
  if (isMidnight) return moment.toLocaleDateString("en", { month: "short", day: "numeric" });
  return moment.toLocaleTimeString("en", { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
}

/** The values under the pointer. */
function tip({ words, isBars = false, series }: ChartProps): uPlot.Plugin {
  const box = document.createElement("div");
  box.className = "tip";
  box.hidden = true;
  return {
    hooks: {
      init: (chart) => chart.over.append(box),
      setCursor: (chart) => {
        const { idx, left = -1 } = chart.cursor;
        box.hidden = idx === null || idx === undefined || left < 0;
        if (idx === null || idx === undefined || box.hidden) return;
        const lines = series.map(({ name }, index) => {
          const value = chart.data[index + 1]?.[idx] ?? null;
          const below = isBars ? (chart.data[index + 2]?.[idx] ?? 0) : 0;
          return `${name} ${value === null ? "–" : words(value - below)}`;
        });
        box.textContent = [
          new Date((chart.data[0][idx] ?? 0) * 1_000).toLocaleTimeString("en", { hourCycle: "h23" }),
          ...lines,
        ].join("\n");
        const { clientWidth } = chart.over;
        box.style.left = left > clientWidth / 2 ? "" : `${left + 12}px`;
        box.style.right = left > clientWidth / 2 ? `${clientWidth - left + 12}px` : "";
      },
    },
  };
}
