import { useEffect, useRef, useState } from "preact/hooks";
import { Nothing } from "../../parts/nothing.tsx";
import { Rows } from "../../parts/rows.tsx";
import { countWords } from "../../parts/words.ts";
import { queryOf } from "../../wire/api.ts";
import { followEvents } from "../../wire/sent-events.ts";
import type { EventLine } from "../../wire/shapes.ts";
import { EventCells } from "../events.tsx";
import type { EventFilter } from "./filter.ts";

/** Shown at most; older ones are found in the list. */
const LINES_MAX = 1_000;
/** People cannot see faster than the page is drawn. */
const DRAW_EVERY_MS = 200;

interface TailProps {
  readonly filter: EventFilter;
  readonly onOpen: (event: EventLine) => void;
}

/** Events as they come in, newest first; what was left out is counted and said. */
export function Tail({ filter, onOpen }: TailProps) {
  const { lines, left, state, hasGap, isHeld, hold } = useTail(filter);
  return (
    <div class="stack tail">
      <p role="status" class="actions">
        <span class={`badge ${state === "live" ? "good" : "warn square"}`}>
          {state === "live" ? "live" : "connecting …"}
        </span>
        <span class="soft">{countWords(lines.length)} shown</span>
        {left > 0 && (
          <span class="badge warn square">
            {countWords(left)} left out: they came faster than they can be shown
          </span>
        )}
        {hasGap && (
          <span class="badge warn square">
            the connection broke: what came meanwhile is in the list, not here
          </span>
        )}
        <button type="button" aria-pressed={isHeld} onClick={() => hold(!isHeld)}>
          {isHeld ? "Go on" : "Hold still"}
        </button>
      </p>
      {lines.length === 0 ? (
        <Nothing title="Waiting for events that fit the filter …">
          They appear here the moment they are on the disk.
        </Nothing>
      ) : (
        <Rows
          label="Live tail"
          kind="events"
          head={["Time", "Level", "Type", "Source", "Message"]}
          items={lines}
          keyOf={({ id }) => id}
          row={(event) => <EventCells event={event} onOpen={onOpen} />}
        />
      )}
    </div>
  );
}

interface Dropped {
  readonly events: number;
  readonly messages: number;
}

function useTail({ type, source, level, q }: EventFilter) {
  const [lines, setLines] = useState<readonly EventLine[]>([]);
  const [left, setLeft] = useState(0);
  const [state, setState] = useState<"connecting" | "live">("connecting");
  const [hasGap, setGap] = useState(false);
  const [isHeld, hold] = useState(false);
  const held = useRef(isHeld);
  held.current = isHeld;
  useEffect(() => {
    const waiting: EventLine[] = [];
    setLines([]);
    setLeft(0);
    setGap(false);
    const draw = setInterval(() => {
      if (waiting.length === 0 || held.current) return;
      const fresh = waiting.splice(0).reverse();
      setLines((was) => [...fresh, ...was].slice(0, LINES_MAX));
    }, DRAW_EVERY_MS);
    const stop = followEvents(`/api/events/tail${queryOf({ type, source, level, q })}`, {
      onOpen: () => setState("live"),
      onBreak: () => {
        setState("connecting");
        setGap(true);
      },
      onEvent: ({ name, data }) => {
        if (name === "event") waiting.push(JSON.parse(data));
        if (waiting.length > LINES_MAX) waiting.splice(0, waiting.length - LINES_MAX);
        if (name !== "dropped") return;
        const dropped: Dropped = JSON.parse(data);
        setLeft((was) => was + dropped.events + dropped.messages);
      },
    });
    return () => {
      clearInterval(draw);
      stop();
    };
  }, [type, source, level, q]);
  return { lines, left, state, hasGap, isHeld, hold };
}
