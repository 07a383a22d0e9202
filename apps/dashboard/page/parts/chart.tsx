import { useEffect, useRef } from "preact/hooks";
import { theme } from "../state/theme.ts";

export interface ChartSeries {
  readonly name: string;
  /** The name of a colour in tokens.css. */
  readonly tone: string;
  readonly values: readonly (number | null)[];
  readonly isFilled?: boolean;
}

interface Drawn {
  set(props: ChartProps): void;
  end(): void;
}

interface ChartProps {
  /** What it shows, and the newest values: a picture says nothing to a screen reader. */
  readonly label: string;
  /** Epoch seconds. */
  readonly times: readonly number[];
  readonly series: readonly ChartSeries[];
  readonly words: (value: number) => string;
  readonly heightPx?: number;
  /** Stacked bars instead of lines. */
  readonly isBars?: boolean;
  /** What is counted, so that no line of the grid lies between two counts. */
  readonly isWhole?: boolean;
  /** Each line of the grid is ten times the one below: for what spans milliseconds to minutes. */
  readonly isLog?: boolean;
}

/** A chart over time. The library comes when the first chart does. */
export function Chart(props: ChartProps) {
  const { label, times, series, heightPx = 170, isBars = false } = props;
  const box = useRef<HTMLDivElement>(null);
  const drawn = useRef<Drawn | undefined>(undefined);
  const latest = useRef(props);
  latest.current = props;
  const shape = `${theme.value} ${isBars} ${heightPx} ${series.map(({ name }) => name).join("\0")}`;
  useEffect(() => {
    const element = box.current;
    let isWanted = true;
    void import("./draw-chart.ts").then(({ drawChart }) => {
      if (isWanted && element !== null) drawn.current = drawChart(element, latest.current);
    });
    return () => {
      isWanted = false;
      drawn.current?.end();
      drawn.current = undefined;
    };
  }, [shape]);
  useEffect(() => drawn.current?.set(latest.current), [times, series]);
  return (
    <figure>
      <div class="chart" ref={box} role="img" aria-label={label} style={{ minHeight: `${heightPx + 8}px` }} />
    </figure>
  );
}

export function Keys({ series }: { readonly series: readonly Pick<ChartSeries, "name" | "tone">[] }) {
  return (
    <ul class="keys">
      {series.map(({ name, tone }) => (
        <li key={name}>
          <i class={tone} />
          {name}
        </li>
      ))}
    </ul>
  );
}

export type { ChartProps, Drawn };
