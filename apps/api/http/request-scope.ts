import { Fault, type Identity } from "@millrace/core";
import type { Span } from "@millrace/observe";

/** What the door learns about a request before any route sees it, and what the request log says after. */
export interface RequestScope {
  readonly correlationId: string;
  /** Of `performance.now()`. */
  readonly startedMs: number;
  /** The pattern, `/api/tasks/:task_id`, once a route was found: bounded, unlike paths. */
  route: string | undefined;
  identity: Identity | undefined;
  /** What was answered with a 5xx, for the one log line. */
  failure: Fault | undefined;
  /** Undefined: its trace is not recorded. */
  readonly span: Span | undefined;
}

/** Elysia makes its context from the request alone, so the request is what both sides know. */
const scopes = new WeakMap<Request, RequestScope>();

export function openScope(request: Request, scope: RequestScope): void {
  scopes.set(request, scope);
}

export function scopeOf(request: Request): RequestScope {
  const scope = scopes.get(request);
  if (scope === undefined) throw new Error("the request did not come in through the door");
  return scope;
}

/** Throws UNAUTHENTICATED: the last line of defence, for routes that the door did not guard. */
export function identityOf(request: Request): Identity {
  const { identity } = scopeOf(request);
  if (identity === undefined) throw new Fault("UNAUTHENTICATED", "this needs an access token or an API key");
  return identity;
}
