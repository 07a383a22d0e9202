import {
  EVENT_LEVEL_CHARS_MAX,
  EVENT_QUERY_TEXT_CHARS_MAX,
  EVENT_SEARCH_MS_MAX,
  EVENT_SOURCE_CHARS_MAX,
  EVENT_TYPE_CHARS_MAX,
  LIST_LIMIT_DEFAULT,
  LIST_LIMIT_MAX,
} from "@millrace/core/limits";
import { DIMENSIONS, listEvents } from "@millrace/store";
import { Elysia, t } from "elysia";
import { documented } from "../docs/documented.ts";
import { cursorsOf, decodeCursor } from "../events-query/event-cursor.ts";
import { makeHistogram, suitableInterval } from "../events-query/histogram.ts";
import { readInterval, readSpan } from "../events-query/query-words.ts";
import { streamTail } from "../events-query/stream-tail.ts";
import { viewEvent } from "../events-query/view-event.ts";
import { guarded, sightOf } from "../http/access.ts";
import { choice, strict } from "../http/schema.ts";
import type { Ports } from "../ports.ts";

const tag = "Events";

const kinds = {
  type: t.Optional(t.String({ minLength: 1, maxLength: EVENT_TYPE_CHARS_MAX })),
  source: t.Optional(t.String({ minLength: 1, maxLength: EVENT_SOURCE_CHARS_MAX })),
  level: t.Optional(t.String({ minLength: 1, maxLength: EVENT_LEVEL_CHARS_MAX })),
};
const text = {
  q: t.Optional(
    t.String({
      ...{ minLength: 1, maxLength: EVENT_QUERY_TEXT_CHARS_MAX },
      description: "A part of the message, in any case.",
    }),
  ),
};
const span = {
  from: t.Optional(t.String({ description: "RFC 3339; included." })),
  to: t.Optional(t.String({ description: "RFC 3339; not included." })),
};

const EventAnswer = strict({
  id: t.String(),
  timestamp: t.String({ format: "date-time" }),
  type: t.String(),
  level: t.String(),
  source: t.String(),
  message: t.String(),
  attributes: t.Unknown(),
  received_at: t.String({ format: "date-time" }),
  correlation_id: t.String(),
});
const EventList = strict({
  items: t.Array(EventAnswer),
  limit: t.Integer(),
  next_cursor: t.Nullable(t.String({ description: "Older events; null at the end." })),
  prev_cursor: t.Nullable(t.String({ description: "Newer events; good for polling." })),
});
const HistogramAnswer = strict({
  from: t.String({ format: "date-time" }),
  to: t.String({ format: "date-time" }),
  interval_s: t.Integer(),
  by: t.Nullable(choice(DIMENSIONS)),
  keys: t.Array(t.String()),
  buckets: t.Array(
    strict({
      start: t.String({ format: "date-time" }),
      total: t.Integer(),
      counts: t.Record(t.String(), t.Integer()),
    }),
  ),
});

export function eventQueryRoutes(ports: Ports) {
  return new Elysia({ name: "event-queries", prefix: "/api/events" })
    .use(guarded)
    .use(lists(ports))
    .use(histograms(ports))
    .use(tails(ports));
}

function lists(ports: Ports) {
  return new Elysia({ name: "event-lists" }).use(guarded).get(
    "",
    async ({ identity, query }) => {
      const { type, source, level, q, limit = LIST_LIMIT_DEFAULT } = query;
      const { fromMs, toMs } = readSpan(query, ports.nowMs());
      const cursor = query.cursor === undefined ? null : decodeCursor(query.cursor);
      const page = await ports.eventQueries.run((sql) =>
        listEvents(sql, {
          filter: { ownerId: sightOf(identity), type, source, level, text: q },
          ...{ fromMs, toMs: toMs - 1, limit },
          after: cursor?.place ?? null,
          direction: cursor?.direction ?? "older",
          isTextIndexed: ports.isTextIndexed,
          deadlineMs: Date.now() + EVENT_SEARCH_MS_MAX,
        }),
      );
      return { items: page.events.map(viewEvent), limit, ...cursorsOf(page, cursor) };
    },
    {
      scope: "events:read",
      query: strict({
        ...{ ...span, ...kinds, ...text },
        limit: t.Optional(t.Integer({ minimum: 1, maximum: LIST_LIMIT_MAX })),
        cursor: t.Optional(t.String({ maxLength: 64 })),
      }),
      detail: documented({
        summary: "Find events",
        description:
          "Newest first; your own, or everybody's for operators. A search with `q` that takes long answers with what it has found, and a `next_cursor` to go on from.",
        tag,
        answers: { 200: { description: "A page.", schema: EventList } },
        faults: ["VALIDATION_FAILED", "QUERY_TOO_EXPENSIVE"],
      }),
    },
  );
}

const DAY_MS = 86_400_000;

function histograms(ports: Ports) {
  return new Elysia({ name: "event-histograms" }).use(guarded).get(
    "/histogram",
    async ({ identity, query }) => {
      const nowMs = ports.nowMs();
      const { type, source, level, by } = query;
      const wanted = readSpan(query, nowMs, { fromMs: nowMs - DAY_MS, toMs: nowMs });
      const intervalMs =
        query.interval === undefined ? suitableInterval(wanted) : readInterval(query.interval);
      const histogram = await makeHistogram(ports.eventQueries, {
        filter: { ownerId: sightOf(identity), type, source, level },
        ...{ span: wanted, intervalMs, by: by ?? null },
      });
      return { ...histogram, interval_s: intervalMs / 1_000, by: by ?? null };
    },
    {
      scope: "events:read",
      query: strict({
        ...{ ...span, ...kinds },
        interval: t.Optional(t.String({ description: "Minutes, hours or days: 5m, 1h, 1d." })),
        by: t.Optional(choice(DIMENSIONS)),
      }),
      detail: documented({
        summary: "Count events over time",
        description: "From counts per minute; the span, a day when absent, is widened to whole intervals.",
        tag,
        answers: { 200: { description: "The counts.", schema: HistogramAnswer } },
        faults: ["VALIDATION_FAILED", "QUERY_TOO_EXPENSIVE"],
      }),
    },
  );
}

function tails(ports: Ports) {
  return new Elysia({ name: "event-tails" }).use(guarded).get(
    "/tail",
    ({ identity, query, request }) => {
      const { type, source, level, q } = query;
      const response = streamTail(ports, { ownerId: sightOf(identity), type, source, level, text: q });
      ports.keepOpen(request);
      return response;
    },
    {
      scope: "events:read",
      query: strict({ ...kinds, ...text }),
      detail: documented({
        summary: "Watch events as they come in",
        description:
          "Server-sent events: `open` at once, `event` for each one that matches, `dropped` with a count when some were left out because they came faster than they are read.",
        tag,
        answers: { 200: { description: "text/event-stream" } },
        faults: ["VALIDATION_FAILED"],
      }),
    },
  );
}
