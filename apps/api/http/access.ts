import { Fault, hasRole, hasScope, type Identity, maySee, type Role, type Scope } from "@millrace/core";
import { Elysia } from "elysia";
import { identityOf, scopeOf } from "./request-scope.ts";

/** Throws FORBIDDEN when the key or token does not carry the scope. */
export function requireScope(identity: Identity, scope: Scope): void {
  if (!hasScope(identity, scope)) throw new Fault("FORBIDDEN", `this needs the scope ${scope}`);
}

/** Throws FORBIDDEN when the role is too weak. */
export function requireRole(identity: Identity, role: Role): void {
  if (!hasRole(identity, role)) throw new Fault("FORBIDDEN", `this needs the role ${role}`);
}

/** Another user's thing does not exist: NOT_FOUND, word for word as if it did not. Operators see all. */
export function requireSight(identity: Identity, ownerId: number | undefined, thing: string): void {
  if (ownerId === undefined || !maySee(identity, ownerId)) throw new Fault("NOT_FOUND", `no such ${thing}`);
}

/** Whose things a list shows: null is everybody's. */
export function sightOf(identity: Identity): number | null {
  return hasRole(identity, "operator") ? null : identity.userId;
}

/** For routes that anyone may call: gives handlers the `correlationId`. */
export const open = new Elysia({ name: "open" }).derive({ as: "scoped" }, ({ request }) => ({
  correlationId: scopeOf(request).correlationId,
}));

/**
 * For routes that need somebody: gives handlers `identity`, `correlationId` and the request's `span`, and routes the options
 * `scope: "tasks:write"` and `role: "operator"`, which are checked before the input is.
 */
export const guarded = new Elysia({ name: "guarded" })
  .derive({ as: "scoped" }, ({ request }) => {
    const { correlationId, span } = scopeOf(request);
    return { identity: identityOf(request), correlationId, span };
  })
  .macro({
    scope: (scope: Scope) => ({
      transform: ({ request }: { request: Request }) => requireScope(identityOf(request), scope),
    }),
    role: (role: Role) => ({
      transform: ({ request }: { request: Request }) => requireRole(identityOf(request), role),
    }),
  });
