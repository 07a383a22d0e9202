import { BREAKER_KINDS } from "@millrace/core";
import { AUTH_BODY_BYTES_MAX, BREAKER_REASON_CHARS_MAX, QUEUE_COUNT_MAX } from "@millrace/core/limits";
import { Elysia, t } from "elysia";
import { documented } from "../docs/documented.ts";
import { guarded } from "../http/access.ts";
import { optionalJsonBody } from "../http/optional-json-body.ts";
import { requireOrigin } from "../http/origin.ts";
import { pending } from "../http/pending.ts";
import { choice, strict } from "../http/schema.ts";
import type { Ports } from "../ports.ts";
import { type BreakerOrder, listBreakers, steerBreaker } from "../use-cases/steer-breaker.ts";

const tag = "Guards";
const maybeTime = (description: string) => t.Nullable(t.String({ format: "date-time", description }));

export const breakerFields = {
  origin: t.String({ description: "Scheme, name and port of the host." }),
  state: choice(BREAKER_KINDS),
  since: t.String({ format: "date-time" }),
  openings: t.Integer({ description: "In a row, without having closed in between." }),
  reason: t.Nullable(t.String({ description: "The failure that opened it, or what the operator said." })),
  probe_at: maybeTime("When it is open: the first moment at which a call may try whether the host is back."),
  probe: t.Nullable(t.String({ description: "When it is half open: the worker that tries." })),
  lease_until: maybeTime("Until when it is that worker's turn."),
  forced_by: t.Nullable(t.String()),
};
const BreakerAnswer = strict({ ...breakerFields, pending });
const BreakerList = strict({
  items: t.Array(
    strict({
      ...breakerFields,
      parked: t.Integer({ description: `Tasks that wait. Up to ${QUEUE_COUNT_MAX}.` }),
    }),
  ),
});

const WHAT: Readonly<Record<BreakerOrder["what"], readonly [summary: string, description: string]>> = {
  open: [
    "Stop calls to a host",
    "Whatever it answers, until `close` or `reset`. Tasks are parked, no attempt is used up.",
  ],
  close: ["Let calls to a host through", "Whatever it answers, until `open` or `reset`."],
  reset: ["Let a breaker judge by itself again", "It starts closed; what waited goes on."],
};

export function breakerRoutes(ports: Ports) {
  return new Elysia({ name: "breakers", prefix: "/api/breakers" })
    .use(guarded)
    .get("", async () => ({ items: await listBreakers(ports) }), {
      scope: "tasks:read",
      role: "operator",
      detail: documented({
        summary: "List circuit breakers",
        description:
          "One for each host that failed too often, or was forced; a closed one is shown for an hour.",
        tag,
        answers: { 200: { description: "All of them.", schema: BreakerList } },
        faults: ["BUS_UNAVAILABLE"],
      }),
    })
    .use(steering(ports, "open"))
    .use(steering(ports, "close"))
    .use(steering(ports, "reset"));
}

function steering(ports: Ports, what: BreakerOrder["what"]) {
  const [summary, description] = WHAT[what];
  return new Elysia({ name: `breaker-${what}` }).use(guarded).post(
    `/:origin/${what}`,
    async ({ identity, params, body, correlationId }) => {
      const origin = requireOrigin(params.origin, "/origin");
      return steerBreaker(ports, identity, { origin, what, reason: body.reason ?? null, correlationId });
    },
    {
      scope: "tasks:write",
      role: "operator",
      params: strict({
        origin: t.String({ description: "URL-encoded, as `https%3A%2F%2Fapi.example.org`." }),
      }),
      ...optionalJsonBody(
        strict({ reason: t.Optional(t.String({ maxLength: BREAKER_REASON_CHARS_MAX })) }),
        AUTH_BODY_BYTES_MAX,
      ),
      detail: documented({
        ...{ summary, description, tag },
        answers: { 200: { description: "The breaker now.", schema: BreakerAnswer } },
        faults: [
          "BAD_JSON",
          "BODY_TOO_LARGE",
          "UNSUPPORTED_MEDIA_TYPE",
          "VALIDATION_FAILED",
          "BUS_UNAVAILABLE",
        ],
      }),
    },
  );
}
