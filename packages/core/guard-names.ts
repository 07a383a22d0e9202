/**
 * What a task is parked for, when a guard holds it back: `breaker:<origin>` or `limit:<scope>:<name>`. A pause parks for
 * the bare name of a task type, which never has a colon.
 */
export type GuardName =
  | { readonly kind: "breaker"; readonly origin: string }
  | { readonly kind: "limit"; readonly scope: LimitScope; readonly name: string };

export const LIMIT_SCOPES = ["host", "type", "tenant"] as const;
export type LimitScope = (typeof LIMIT_SCOPES)[number];

export function breakerName(origin: string): string {
  return `breaker:${origin}`;
}

export function limitName(scope: LimitScope, name: string): string {
  return `limit:${scope}:${name}`;
}

/** Null for what no guard has written. */
export function readGuardName(text: string): GuardName | null {
  const [kind, scope, ...rest] = text.split(":");
  if (kind === "breaker") return { kind, origin: text.slice("breaker:".length) };
  const known = LIMIT_SCOPES.find((one) => one === scope);
  if (kind !== "limit" || known === undefined) return null;
  return { kind, scope: known, name: rest.join(":") };
}
