import { Fault } from "@millrace/core";
import { EVENTS_BODY_BYTES_MAX, EVENTS_RECORDS_MAX } from "@millrace/core/limits";
import { decodeReceipt } from "@millrace/protocol/events/index";
import { Elysia, t } from "elysia";
import { documented } from "../docs/documented.ts";
import { readReceipt } from "../events/read-receipt.ts";
import { answerOf, takeEvents } from "../events/take-events.ts";
import { guarded } from "../http/access.ts";
import type { Ports } from "../ports.ts";

const tag = "Events";
const MEBIBYTE = 1024 * 1024;

const Rejection = t.Object({ index: t.Integer(), code: t.String(), message: t.String() });
const TakenAnswer = t.Object({
  accepted: t.Integer(),
  rejected: t.Array(Rejection),
  rejected_total: t.Optional(t.Integer({ description: "Where the list is cut." })),
  receipt: t.String(),
});
const ReceiptAnswer = t.Object({
  accepted: t.Integer(),
  stored: t.Integer({ description: "Of the accepted ones: those that a query finds." }),
  state: t.Union([t.Literal("accepted"), t.Literal("stored")]),
});

export function eventRoutes(ports: Ports) {
  return new Elysia({ name: "events", prefix: "/api/events" })
    .use(guarded)
    .post(
      "",
      async ({ request, identity, correlationId, span }) => {
        const taken = await takeEvents(ports, { request, identity, correlationId, span });
        return new Response(JSON.stringify(answerOf(taken)), ACCEPTED);
      },
      {
        scope: "events:write",
        parse: "none",
        detail: documented({
          summary: "Send events",
          description: `One event, an array, or one event per line (application/x-ndjson), also packed with gzip or zstd: up to ${EVENTS_BODY_BYTES_MAX / MEBIBYTE} MiB and ${EVENTS_RECORDS_MAX} events. Events are on the disk before the answer. A record that is refused costs only itself; when none is left, the request is refused. \`Idempotency-Key\` makes the whole request repeatable.`,
          tag,
          answers: { 202: { description: "Taken, but for those in `rejected`.", schema: TakenAnswer } },
          faults: [
            "BAD_JSON",
            "BODY_TOO_LARGE",
            "UNSUPPORTED_MEDIA_TYPE",
            "VALIDATION_FAILED",
            "EVENTS_BACKLOG",
            "BUS_UNAVAILABLE",
          ],
        }),
      },
    )
    .get(
      "/receipts/:receipt",
      async ({ params }) => {
        const placements = decodeReceipt(params.receipt);
        if (placements === undefined) throw new Fault("NOT_FOUND", "no such receipt");
        return await readReceipt(ports, placements);
      },
      {
        scope: "events:write",
        detail: documented({
          summary: "Show what became of a receipt",
          description: "`accepted`: on the disk, in the stream. `stored`: in the database, too.",
          tag,
          answers: { 200: { description: "Its state.", schema: ReceiptAnswer } },
          faults: ["NOT_FOUND"],
        }),
      },
    );
}

const ACCEPTED = { status: 202, headers: { "Content-Type": "application/json;charset=utf-8" } } as const;
