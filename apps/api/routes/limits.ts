import { LIMIT_SCOPES } from "@millrace/core";
import {
  LIMIT_BURST_MAX,
  LIMIT_CONCURRENT_MAX,
  LIMIT_NAME_CHARS_MAX,
  LIMIT_RATE_MAX,
  LIMIT_RATE_MIN,
} from "@millrace/core/limits";
import { type Limit, listLimits, orStoreFault } from "@millrace/store";
import { Elysia, t } from "elysia";
import { documented } from "../docs/documented.ts";
import { guarded } from "../http/access.ts";
import { isoTime } from "../http/iso-time.ts";
import { jsonBody } from "../http/json-body.ts";
import { pending } from "../http/pending.ts";
import { choice, strict } from "../http/schema.ts";
import type { Ports } from "../ports.ts";
import { removeLimit, setLimit } from "../use-cases/set-limit.ts";

const tag = "Guards";
const name = t.String({ minLength: 1, maxLength: LIMIT_NAME_CHARS_MAX });

const LimitWish = strict({
  scope: choice(LIMIT_SCOPES, { description: "What `name` names: a host's origin, a task type, a tenant." }),
  name,
  rate_per_second: t.Optional(
    t.Number({
      minimum: LIMIT_RATE_MIN,
      maximum: LIMIT_RATE_MAX,
      description: "Starts per second, over all workers.",
    }),
  ),
  burst: t.Optional(
    t.Integer({
      minimum: 1,
      maximum: LIMIT_BURST_MAX,
      description: "Starts at once after a pause; what one second brings when absent.",
    }),
  ),
  max_concurrent: t.Optional(
    t.Integer({ minimum: 1, maximum: LIMIT_CONCURRENT_MAX, description: "Runs at once, over all workers." }),
  ),
});

const limitFields = {
  scope: choice(LIMIT_SCOPES),
  name: t.String(),
  rate_per_second: t.Nullable(t.Number()),
  burst: t.Nullable(t.Integer()),
  max_concurrent: t.Nullable(t.Integer()),
  updated_at: t.String({ format: "date-time" }),
};
const LimitAnswer = strict(limitFields);
const SetAnswer = strict({ ...limitFields, pending });

export function limitRoutes(ports: Ports) {
  return new Elysia({ name: "limits", prefix: "/api/limits" })
    .use(guarded)
    .get("", async () => ({ items: (await orStoreFault(listLimits(ports.sql))).map(viewLimit) }), {
      scope: "tasks:read",
      role: "operator",
      detail: documented({
        summary: "List limits",
        tag,
        answers: {
          200: { description: "By scope and name.", schema: strict({ items: t.Array(LimitAnswer) }) },
        },
      }),
    })
    .use(changes(ports));
}

function changes(ports: Ports) {
  return new Elysia({ name: "limit-changes" })
    .use(guarded)
    .put(
      "",
      async ({ identity, body, correlationId }) => {
        const limit = {
          ...{ scope: body.scope, name: body.name, burst: body.burst ?? null },
          ...{ ratePerSecond: body.rate_per_second ?? null, maxConcurrent: body.max_concurrent ?? null },
        };
        const set = await setLimit(ports, identity, { limit, correlationId });
        return { ...viewLimit(set.limit), pending: set.pending };
      },
      {
        scope: "tasks:write",
        role: "operator",
        ...jsonBody(LimitWish),
        detail: documented({
          summary: "Set a limit",
          description:
            "Replaces the one of the same scope and name; held over all workers once this is answered, but for those that are `pending`. Tasks over it are parked, and use up no attempt.",
          tag,
          answers: { 200: { description: "Set.", schema: SetAnswer } },
          faults: [
            "BAD_JSON",
            "BODY_TOO_LARGE",
            "UNSUPPORTED_MEDIA_TYPE",
            "VALIDATION_FAILED",
            "LIMIT_REACHED",
          ],
        }),
      },
    )
    .delete(
      "/:scope/:name",
      async ({ identity, params, correlationId, set }) => {
        await removeLimit(ports, identity, { ...params, correlationId });
        set.status = 204;
      },
      {
        scope: "tasks:write",
        role: "operator",
        params: strict({ scope: choice(LIMIT_SCOPES), name }),
        detail: documented({
          summary: "Remove a limit",
          description: "What it held back goes on. The name is URL-encoded.",
          tag,
          answers: { 204: { description: "Removed." } },
          faults: ["VALIDATION_FAILED", "NOT_FOUND"],
        }),
      },
    );
}

function viewLimit({ scope, name, ratePerSecond, burst, maxConcurrent, updatedAt }: Limit) {
  return {
    ...{ scope, name, rate_per_second: ratePerSecond, burst, max_concurrent: maxConcurrent },
    updated_at: isoTime(updatedAt),
  };
}
