import { ROLES, SCOPES } from "@millrace/core";
import { API_KEY_NAME_CHARS_MAX, API_KEYS_PER_USER_MAX } from "@millrace/core/limits";
import { type ApiKey, listApiKeys } from "@millrace/store/identity/index";
import { Elysia, t } from "elysia";
import { documented } from "../docs/documented.ts";
import { guarded } from "../http/access.ts";
import { isoTime } from "../http/iso-time.ts";
import { jsonBody } from "../http/json-body.ts";
import { choice, strict } from "../http/schema.ts";
import type { Ports } from "../ports.ts";
import { createApiKey } from "../use-cases/create-api-key.ts";
import { deleteApiKey } from "../use-cases/delete-api-key.ts";

const tag = "Identity";
const GRANTABLE = [...SCOPES, "*"] as const;
/** Ten years. */
const EXPIRES_IN_S_MAX = 10 * 366 * 24 * 60 * 60;

const KeyWish = strict({
  name: t.String({ minLength: 1, maxLength: API_KEY_NAME_CHARS_MAX, description: "What it is for." }),
  scopes: t.Array(choice(GRANTABLE), {
    minItems: 1,
    maxItems: GRANTABLE.length,
    description: "`*` is all of them.",
  }),
  role: t.Optional(choice(ROLES, { description: "Your own when absent." })),
  expires_in: t.Optional(
    t.Integer({ minimum: 1, maximum: EXPIRES_IN_S_MAX, description: "Seconds; without end when absent." }),
  ),
});

const KEY_FIELDS = {
  key_id: t.String(),
  name: t.String(),
  role: choice(ROLES),
  scopes: t.Array(choice(GRANTABLE)),
  created_at: t.String({ format: "date-time" }),
  expires_at: t.Nullable(t.String({ format: "date-time" })),
  last_used_at: t.Nullable(t.String({ format: "date-time", description: "Exact to about a minute." })),
};
const KeyView = strict(KEY_FIELDS);
const NewKeyView = strict({
  ...KEY_FIELDS,
  api_key: t.String({ description: "Shown once; only its hash is kept." }),
});

/** Keys manage keys only with the scope `admin`; people manage their own. */
export function keyRoutes(ports: Ports) {
  return new Elysia({ name: "keys", prefix: "/api/auth/keys" })
    .use(guarded)
    .post(
      "",
      async ({ identity, correlationId, body, set }) => {
        const { name, scopes, role, expires_in: expiresInS } = body;
        const { key, apiKey } = await createApiKey(ports, identity, {
          name,
          scopes,
          role,
          expiresInS,
          correlationId,
        });
        set.status = 201;
        return { ...viewKey(key), api_key: apiKey };
      },
      {
        scope: "admin",
        ...jsonBody(KeyWish),
        detail: documented({
          summary: "Make an API key",
          description: `It can do at most what its maker can. A user may have ${API_KEYS_PER_USER_MAX}.`,
          tag,
          answers: { 201: { description: "The key, shown this once.", schema: NewKeyView } },
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
    .get(
      "",
      async ({ identity }) => ({ items: (await listApiKeys(ports.sql, identity.userId)).map(viewKey) }),
      {
        scope: "admin",
        detail: documented({
          summary: "List my API keys",
          tag,
          answers: { 200: { description: "Newest first.", schema: strict({ items: t.Array(KeyView) }) } },
        }),
      },
    )
    .delete(
      "/:key_id",
      async ({ identity, correlationId, params, set }) => {
        await deleteApiKey(ports, identity, { keyId: params.key_id, correlationId });
        set.status = 204;
      },
      {
        scope: "admin",
        detail: documented({
          summary: "Delete an API key",
          tag,
          answers: { 204: { description: "It works no more." } },
          faults: ["NOT_FOUND"],
        }),
      },
    );
}

function viewKey(key: ApiKey) {
  return {
    key_id: key.keyId,
    name: key.name,
    role: key.role,
    scopes: key.scopes,
    created_at: isoTime(key.createdAt),
    expires_at: isoTime(key.expiresAt),
    last_used_at: isoTime(key.lastUsedAt),
  };
}
