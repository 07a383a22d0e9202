import type { ComponentChildren, TargetedEvent } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";

const PHONE = window.matchMedia("(max-width: 760px)");
const ROW_PX = 38;
const PHONE_ROW_PX = 62;
/** Rows beside those in sight, so that scrolling shows no holes. */
const SPARE_ROWS = 12;
/** So near to its end, more of the list is asked for. */
const NEAR_END_PX = 600;

interface RowsProps<T> {
  readonly label: string;
  /** `tasks`, `events`: the columns, in the styles. */
  readonly kind: string;
  readonly head: readonly string[];
  readonly items: readonly T[];
  readonly keyOf: (item: T) => string;
  readonly row: (item: T) => ComponentChildren;
  readonly isFresh?: (item: T) => boolean;
  /** Called near the end, again and again: it must bound itself. */
  readonly onNearEnd?: () => void;
  readonly foot?: ComponentChildren;
}

/** A table of any length: only the rows in sight are in the document, whatever the number of items. */
export function Rows<T>({ label, kind, head, items, keyOf, row, isFresh, onNearEnd, foot }: RowsProps<T>) {
  const { first, last, rowPx, onScroll, box } = useSight(items.length, onNearEnd);
  return (
    <div class={`rows panel ${kind}`} role="table" aria-label={label} aria-rowcount={items.length + 1}>
      <div class="head" role="row">
        {head.map((title) => (
          <span key={title} role="columnheader">
            {title}
          </span>
        ))}
      </div>
      <div class="window" ref={box} onScroll={onScroll} role="rowgroup" tabIndex={0} aria-label={label}>
        <div class="run" role="presentation" style={{ height: `${items.length * rowPx}px` }}>
          {items.slice(first, last).map((item, index) => (
            <div
              key={keyOf(item)}
              class={isFresh?.(item) ? "line fresh" : "line"}
              role="row"
              aria-rowindex={first + index + 2}
              style={{ transform: `translateY(${(first + index) * rowPx}px)` }}
            >
              {row(item)}
            </div>
          ))}
        </div>
      </div>
      {foot !== undefined && <div class="foot">{foot}</div>}
    </div>
  );
}

/** Which rows are in sight. */
function useSight(count: number, onNearEnd: (() => void) | undefined) {
  const box = useRef<HTMLDivElement>(null);
  const [top, setTop] = useState(0);
  const [height, setHeight] = useState(800);
  const [isPhone, setPhone] = useState(PHONE.matches);
  useEffect(() => {
    const change = () => setPhone(PHONE.matches);
    PHONE.addEventListener("change", change);
    return () => PHONE.removeEventListener("change", change);
  }, []);
  useLayoutEffect(() => {
    const element = box.current;
    if (element === null) return;
    const observer = new ResizeObserver(() => setHeight(element.clientHeight));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  const onScroll = ({ currentTarget }: TargetedEvent<HTMLDivElement>) => {
    setTop(currentTarget.scrollTop);
    const { scrollHeight, scrollTop, clientHeight } = currentTarget;
    if (scrollHeight - scrollTop - clientHeight < NEAR_END_PX) onNearEnd?.();
  };
  const rowPx = isPhone ? PHONE_ROW_PX : ROW_PX;
  const first = Math.max(0, Math.floor(top / rowPx) - SPARE_ROWS);
  const last = Math.min(count, Math.ceil((top + height) / rowPx) + SPARE_ROWS);
  return { box, first, last, rowPx, onScroll };
}

interface CellProps {
  readonly children: ComponentChildren;
  readonly class?: string;
  readonly title?: string | undefined;
}

export function Cell({ children, class: className = "", title }: CellProps) {
  return (
    <div role="cell" class={`cut ${className}`} title={title}>
      {children}
    </div>
  );
}
