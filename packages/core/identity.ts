/** Who asks, and what they may do. Facts about tokens, passwords and storage live elsewhere. */

/** Each role may do all that the ones before it may. */
export const ROLES = ["user", "operator", "admin"] as const;
export type Role = (typeof ROLES)[number];

/** What an API key may be limited to. `admin` is for keys that manage keys, users and queues. */
export const SCOPES = [
  "tasks:read",
  "tasks:write",
  "events:read",
  "events:write",
  "files:read",
  "files:write",
  "workers",
  "admin",
] as const;
export type Scope = (typeof SCOPES)[number];

export interface Identity {
  readonly userId: number;
  readonly role: Role;
  /** "all": a person who logged in, or a key made with the scope `*`. */
  readonly scopes: ReadonlySet<Scope> | "all";
  readonly via: "jwt" | "key";
  /** Set when via is "key". */
  readonly keyId?: string;
  /** Set when via is "key": what its owner calls it; the source of events that name none. */
  readonly keyName?: string;
  /** Set when via is "jwt": the session that logging out ends. */
  readonly sessionId?: number;
}

export function isRole(text: string): text is Role {
  return (ROLES as readonly string[]).includes(text);
}

export function isScope(text: string): text is Scope {
  return (SCOPES as readonly string[]).includes(text);
}

export function hasScope(identity: Identity, scope: Scope): boolean {
  return identity.scopes === "all" || identity.scopes.has(scope);
}

export function hasRole(identity: Identity, role: Role): boolean {
  return ROLES.indexOf(identity.role) >= ROLES.indexOf(role);
}

/** The weaker of two roles: a key never outranks its owner, even after the owner was demoted. */
export function weakerRole(one: Role, other: Role): Role {
  return ROLES.indexOf(one) <= ROLES.indexOf(other) ? one : other;
}

/** Own things always; things of others from operator upwards. */
export function maySee(identity: Identity, ownerId: number): boolean {
  return identity.userId === ownerId || hasRole(identity, "operator");
}
