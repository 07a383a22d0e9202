import { ROLES } from "@millrace/core";
import {
  ACCESS_TOKEN_S,
  AUTH_BODY_BYTES_MAX,
  EMAIL_CHARS_MAX,
  PASSWORD_CHARS_MAX,
  PASSWORD_CHARS_MIN,
} from "@millrace/core/limits";
import type { User } from "@millrace/store/identity/index";
import { Elysia, t } from "elysia";
import { documented } from "../docs/documented.ts";
import { guarded, open } from "../http/access.ts";
import { addressGroup } from "../http/client-address.ts";
import { isoTime } from "../http/iso-time.ts";
import { jsonBody } from "../http/json-body.ts";
import { choice, strict } from "../http/schema.ts";
import type { Ports } from "../ports.ts";
import { logIn } from "../use-cases/log-in.ts";
import { logOut } from "../use-cases/log-out.ts";
import { refreshSession } from "../use-cases/refresh-session.ts";
import { registerUser } from "../use-cases/register-user.ts";
import { showUser } from "../use-cases/show-user.ts";
import type { Tokens } from "../use-cases/start-session.ts";

const tag = "Identity";
const BODY_FAULTS = ["BAD_JSON", "BODY_TOO_LARGE", "UNSUPPORTED_MEDIA_TYPE", "VALIDATION_FAILED"] as const;

const Email = t.String({
  minLength: 3,
  maxLength: EMAIL_CHARS_MAX,
  description: "Spelling is ignored: case, spaces around.",
});
const Registration = strict({
  email: Email,
  password: t.String({ minLength: PASSWORD_CHARS_MIN, maxLength: PASSWORD_CHARS_MAX }),
});
const Login = strict({ email: Email, password: t.String({ minLength: 1, maxLength: PASSWORD_CHARS_MAX }) });
const Refresh = strict({ refresh_token: t.String({ minLength: 1, maxLength: 256 }) });

const UserView = strict({
  user_id: t.Integer(),
  email: t.String(),
  role: choice(ROLES),
  created_at: t.String({ format: "date-time" }),
});
const TokensView = strict({
  access_token: t.String(),
  refresh_token: t.String({ description: "Works once; the response to its use brings the next one." }),
  token_type: t.Literal("Bearer"),
  expires_in: t.Integer({ description: `Seconds that the access token lives: ${ACCESS_TOKEN_S}.` }),
});

export function authRoutes(ports: Ports) {
  return new Elysia({ name: "auth", prefix: "/api/auth" })
    .use(openAuthRoutes(ports))
    .use(guardedAuthRoutes(ports));
}

function openAuthRoutes(ports: Ports) {
  const callerOf = (request: Request) => addressGroup(ports.addressOf(request));
  return new Elysia({ name: "auth-open" })
    .use(open)
    .post(
      "/register",
      async ({ body, request, correlationId, set }) => {
        const user = await registerUser(ports, { ...body, address: callerOf(request), correlationId });
        set.status = 201;
        return viewUser(user);
      },
      {
        ...jsonBody(Registration, AUTH_BODY_BYTES_MAX),
        detail: documented({
          summary: "Register",
          tag,
          isOpen: true,
          answers: { 201: { description: "The user.", schema: UserView } },
          faults: [...BODY_FAULTS, "EMAIL_TAKEN", "TOO_MANY_REQUESTS"],
        }),
      },
    )
    .post(
      "/login",
      async ({ body, request, correlationId }) =>
        viewTokens(await logIn(ports, { ...body, address: callerOf(request), correlationId })),
      {
        ...jsonBody(Login, AUTH_BODY_BYTES_MAX),
        detail: documented({
          summary: "Log in",
          description:
            "After several failures, for the account or the address, each further one doubles a wait.",
          tag,
          isOpen: true,
          answers: { 200: { description: "A session.", schema: TokensView } },
          faults: [...BODY_FAULTS, "BAD_CREDENTIALS", "TOO_MANY_REQUESTS"],
        }),
      },
    )
    .post(
      "/refresh",
      async ({ body, correlationId }) =>
        viewTokens(await refreshSession(ports, { refreshToken: body.refresh_token, correlationId })),
      {
        ...jsonBody(Refresh, AUTH_BODY_BYTES_MAX),
        detail: documented({
          summary: "Exchange a refresh token for new tokens",
          description:
            "A refresh token works once. Using it again, except at once after a lost response, ends the session.",
          tag,
          isOpen: true,
          answers: { 200: { description: "The session, continued.", schema: TokensView } },
          faults: [...BODY_FAULTS, "UNAUTHENTICATED", "TOKEN_EXPIRED", "TOKEN_REUSED"],
        }),
      },
    );
}

function guardedAuthRoutes(ports: Ports) {
  return new Elysia({ name: "auth-guarded" })
    .use(guarded)
    .post(
      "/logout",
      async ({ identity, correlationId, set }) => {
        await logOut(ports, identity, correlationId);
        set.status = 204;
      },
      {
        detail: documented({
          summary: "End the session of this access token",
          tag,
          answers: { 204: { description: "It has ended." } },
        }),
      },
    )
    .get(
      "/me",
      async ({ identity }) => {
        const user = await showUser(ports, identity);
        const scopes = identity.scopes === "all" ? ["*"] : [...identity.scopes];
        return { ...viewUser(user), role: identity.role, scopes, via: identity.via };
      },
      {
        detail: documented({
          summary: "Who I am, and what I may do",
          tag,
          answers: {
            200: {
              description: "The user, with the role and scopes of this token or key.",
              schema: t.Composite([
                UserView,
                strict({ scopes: t.Array(t.String()), via: choice(["jwt", "key"]) }),
              ]),
            },
          },
        }),
      },
    );
}

function viewUser(user: User) {
  return { user_id: user.userId, email: user.email, role: user.role, created_at: isoTime(user.createdAt) };
}

function viewTokens({ accessToken, refreshToken, expiresInS }: Tokens) {
  return {
    access_token: accessToken,
    refresh_token: refreshToken,
    token_type: "Bearer",
    expires_in: expiresInS,
  };
}
