import { LEDGER_MINUTES_MAX } from "@millrace/core/limits";
import { Elysia, t } from "elysia";
import { documented } from "../docs/documented.ts";
import { badQuery, readSpan } from "../events-query/query-words.ts";
import { showLedger } from "../events-query/show-ledger.ts";
import { guarded } from "../http/access.ts";
import { strict } from "../http/schema.ts";
import type { Ports } from "../ports.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

const LedgerAnswer = strict({
  from: t.String({ format: "date-time" }),
  to: t.String({ format: "date-time" }),
  is_even: t.Boolean({ description: "Everything that was accepted is accounted for." }),
  in_flight_messages: t.Integer({ description: "In the stream, and not recorded." }),
  is_partial: t.Boolean({ description: "More are in flight than were looked at." }),
  lost_messages: t.Integer({ description: "Accepted, and neither recorded nor in the stream." }),
  lost_events: t.Integer({ description: "In those messages." }),
  unaccounted_events: t.Integer({ description: "Lost ones of all time that the ledger remembers." }),
  alert: t.Nullable(strict({ code: t.String(), severity: t.String(), message: t.String() })),
  rejections: t.Array(
    strict({
      reason: t.String(),
      detail: t.String(),
      records: t.Integer(),
      last_rejected_at: t.String({ format: "date-time" }),
      example: t.String({ description: "The beginning of one; the table rejected_events has them whole." }),
    }),
    { description: "What `rejected` counts, by kind." },
  ),
  minutes: t.Array(
    strict({
      minute: t.String({ format: "date-time" }),
      accepted: t.Integer(),
      stored: t.Integer(),
      rejected: t.Integer(),
      deduplicated: t.Integer(),
      in_flight: t.Integer(),
      refused: t.Integer({ description: "Answered with a refusal; counted nowhere else." }),
      lost_messages: t.Integer(),
      lost_events: t.Integer(),
      difference: t.Integer(),
    }),
  ),
});

export function ledgerRoutes(ports: Ports) {
  return new Elysia({ name: "ledger", prefix: "/api/ledger" }).use(guarded).get(
    "",
    async ({ query }) => {
      const nowMs = ports.nowMs();
      const wanted = readSpan(query, nowMs, { fromMs: nowMs - HOUR_MS });
      const fromMs = Math.floor(wanted.fromMs / MINUTE_MS) * MINUTE_MS;
      const toMs = Math.min(wanted.toMs, nowMs + MINUTE_MS);
      if ((toMs - fromMs) / MINUTE_MS > LEDGER_MINUTES_MAX + 1)
        throw badQuery("from", `may lie ${LEDGER_MINUTES_MAX} minutes before /to at most`);
      const view = await showLedger(ports, { fromMs, toMs });
      return { from: new Date(fromMs).toISOString(), to: new Date(toMs).toISOString(), ...view };
    },
    {
      scope: "events:read",
      role: "operator",
      query: strict({
        from: t.Optional(t.String({ description: "RFC 3339; an hour ago when absent." })),
        to: t.Optional(t.String({ description: "RFC 3339." })),
      }),
      detail: documented({
        summary: "Show that no event was lost",
        description:
          "Per minute of arrival: accepted = stored + rejected + deduplicated + in flight; what is missing is `difference`, and raises `alert`. What the database refused is in `rejections`.",
        tag: "Operations",
        answers: { 200: { description: "The ledger.", schema: LedgerAnswer } },
        faults: ["VALIDATION_FAILED", "QUERY_TOO_EXPENSIVE", "BUS_UNAVAILABLE"],
      }),
    },
  );
}
