import { useState } from "preact/hooks";
import { LevelBadge } from "../parts/badge.tsx";
import { Moment } from "../parts/moment.tsx";
import { Nothing, Shown } from "../parts/nothing.tsx";
import { Page } from "../parts/panel.tsx";
import { Cell, Rows } from "../parts/rows.tsx";
import { countWords } from "../parts/words.ts";
import { setWords, word } from "../state/location.ts";
import { usePages } from "../state/pages.ts";
import { getJson, queryOf } from "../wire/api.ts";
import type { EventLine, EventPage } from "../wire/shapes.ts";
import { EventDialog } from "./events/event-dialog.tsx";
import { EventFilters } from "./events/event-filters.tsx";
import { type EventFilter, fromOf, readFilter } from "./events/filter.ts";
import { EventHistogram } from "./events/histogram.tsx";
import { Tail } from "./events/tail.tsx";

const PAGE_SIZE = 200;

export function Events() {
  const filter = readFilter(word);
  const [opened, setOpened] = useState<EventLine | null>(null);
  const isTail = word("live") === "on";
  return (
    <Page
      title="Events"
      actions={
        <button
          type="button"
          class={isTail ? "main" : ""}
          aria-pressed={isTail}
          onClick={() => setWords({ live: isTail ? "" : "on" })}
        >
          {isTail ? "Stop the live tail" : "Live tail"}
        </button>
      }
    >
      <EventFilters filter={filter} isTail={isTail} />
      {isTail ? (
        <Tail filter={filter} onOpen={setOpened} />
      ) : (
        <div class="stack">
          <EventHistogram filter={filter} />
          <Found filter={filter} onOpen={setOpened} />
        </div>
      )}
      {opened !== null && <EventDialog event={opened} onClose={() => setOpened(null)} />}
    </Page>
  );
}

interface FoundProps {
  readonly filter: EventFilter;
  readonly onOpen: (event: EventLine) => void;
}

function Found({ filter, onOpen }: FoundProps) {
  const { type, source, level, q, to } = filter;
  const { loaded, more } = usePages<EventLine, EventPage>(JSON.stringify(filter), (cursor, signal) =>
    getJson(
      `/api/events${queryOf({ from: fromOf(filter), to, type, source, level, q, limit: PAGE_SIZE, cursor })}`,
      signal,
    ),
  );
  return (
    <Shown loaded={loaded}>
      {(page) =>
        page.items.length === 0 && page.next_cursor === null ? (
          <NoEvents />
        ) : (
          <Rows
            label="Events"
            kind="events"
            head={["Time", "Level", "Type", "Source", "Message"]}
            items={page.items}
            keyOf={({ id }) => id}
            row={(event) => <EventCells event={event} onOpen={onOpen} />}
            onNearEnd={more}
            foot={<Foot page={page} more={more} />}
          />
        )
      }
    </Shown>
  );
}

function Foot({ page, more }: { readonly page: EventPage; readonly more: () => void }) {
  return (
    <>
      <span>{countWords(page.items.length)} found, newest first</span>
      {page.next_cursor === null ? (
        <span>that is all</span>
      ) : (
        <button type="button" class="plain" onClick={more}>
          Look further back
        </button>
      )}
    </>
  );
}

interface EventCellsProps {
  readonly event: EventLine;
  readonly onOpen: (event: EventLine) => void;
}

export function EventCells({ event, onOpen }: EventCellsProps) {
  return (
    <>
      <Cell class="soft">
        <Moment at={event.timestamp} />
      </Cell>
      <Cell>
        <LevelBadge level={event.level} />
      </Cell>
      <Cell class="wide">{event.type}</Cell>
      <Cell class="wide soft">{event.source}</Cell>
      <Cell title={event.message}>
        <button type="button" class="plain message" onClick={() => onOpen(event)}>
          {event.message}
        </button>
      </Cell>
    </>
  );
}

function NoEvents() {
  return (
    <Nothing title="No events in this span fit the filter.">
      <span>Look further back, or send some:</span>
      <pre>{`curl ${window.location.origin}/api/events -H "Authorization: Bearer $API_KEY" \\
  -H "Content-Type: application/json" -d '{"type":"hello","message":"first event"}'`}</pre>
      <button
        type="button"
        onClick={() => setWords({ type: "", source: "", level: "", q: "", from: "", to: "", span: "24h" })}
      >
        Show all of the last day
      </button>
    </Nothing>
  );
}
