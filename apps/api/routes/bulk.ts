import { Elysia, t } from "elysia";
import { documented } from "../docs/documented.ts";
import { CLUSTER_HEALTH, LICENSE_INFO, PRODUCT_HEADERS, XPACK_INFO } from "../events/bulk/handshake.ts";
import { takeBulk } from "../events/bulk/take-bulk.ts";
import { guarded } from "../http/access.ts";
import type { Ports } from "../ports.ts";

const tag = "Events";

const BulkAnswer = t.Object({
  took: t.Integer({ description: "Milliseconds." }),
  errors: t.Boolean({ description: "Whether any item has one." }),
  items: t.Array(t.Object({}, { additionalProperties: true })),
});

const detail = documented({
  summary: "Send events as an Elasticsearch bulk request",
  description:
    "`create` and `index` bring an event; `update` and `delete` are refused item by item. For Filebeat, Fluent Bit, Vector, Logstash. Keys go into `Authorization`: `ApiKey`, or `Basic` with the key as password.",
  tag,
  answers: { 200: { description: "What became of each operation.", schema: BulkAnswer } },
  faults: ["BAD_JSON", "BODY_TOO_LARGE", "UNSUPPORTED_MEDIA_TYPE", "EVENTS_BACKLOG", "BUS_UNAVAILABLE"],
});

/** The part of Elasticsearch's API that log shippers use. */
export function bulkRoutes(ports: Ports) {
  return new Elysia({ name: "bulk" })
    .use(guarded)
    .post(
      "/_bulk",
      async ({ request, identity, correlationId, span }) =>
        answer(await takeBulk(ports, { request, identity, correlationId, span }, null)),
      { scope: "events:write", parse: "none", detail },
    )
    .put(
      "/_bulk",
      async ({ request, identity, correlationId, span }) =>
        answer(await takeBulk(ports, { request, identity, correlationId, span }, null)),
      { scope: "events:write", parse: "none", detail: { hide: true } },
    )
    .post(
      "/:index/_bulk",
      async ({ request, identity, correlationId, span, params }) =>
        answer(await takeBulk(ports, { request, identity, correlationId, span }, params.index)),
      { scope: "events:write", parse: "none", detail },
    );
}

/** What shippers ask before they send: that this is Elasticsearch, licensed, and well. Open, and says nothing else. */
export const bulkHandshakeRoutes = new Elysia({ name: "bulk-handshake", detail: { hide: true } })
  .get("/_license", () => answer(LICENSE_INFO))
  .get("/_xpack", () => answer(XPACK_INFO))
  .get("/_cluster/health", () => answer(CLUSTER_HEALTH));

function answer(value: unknown): Response {
  return new Response(JSON.stringify(value), {
    headers: { "Content-Type": "application/json;charset=utf-8", ...PRODUCT_HEADERS },
  });
}
