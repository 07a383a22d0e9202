import { Fault } from "@millrace/core";
import { CORRELATION_HEADER, correlationIdFrom } from "@millrace/observe";
import { readBulkCredential, readCredential } from "../identity/credential.ts";
import type { Ports } from "../ports.ts";
import { TUS_VERSION, UPLOADS_PATH } from "../uploads/tus-request.ts";
import { addressGroup } from "./client-address.ts";
import { faultOf } from "./fault-of.ts";
import { createHttpMetrics } from "./http-metrics.ts";
import { problemResponse } from "./problem.ts";
import { RequestLog } from "./request-log.ts";
import { openScope, type RequestScope } from "./request-scope.ts";
import { endRequestSpan, startRequestSpan } from "./request-span.ts";
import type { RouteTable } from "./route-table.ts";

export type Handler = (request: Request) => Response | Promise<Response>;

/** Where identities are needed; everything else is open. Routes check again, see `identityOf`. */
const GUARDED = ["/api/", "/v1/"];
const OPEN = new Set(["/api/auth/register", "/api/auth/login", "/api/auth/refresh"]);

/**
 * Every request passes here, in and out: it gets its correlation id and its identity before any route looks at it or
 * reads its body, and its headers, metrics and log line after, whatever happened in between. One wrapper around the
 * router, instead of a hook per concern: what Elysia answers by itself (404, a thrown error) passes here as well.
 *
 * Nothing here waits when the identity is in the cache.
 */
export function createDoor(ports: Ports, table: () => RouteTable): (next: Handler) => Handler {
  const observe = createHttpMetrics(ports.metrics);
  const requestLog = new RequestLog(ports.log, ports.nowMs);

  const leave = (request: Request, scope: RequestScope, response: Response): Response => {
    const { headers, status } = response;
    headers.set(CORRELATION_HEADER, scope.correlationId);
    headers.set("X-Content-Type-Options", "nosniff");
    if (!headers.has("Cache-Control")) headers.set("Cache-Control", "no-store");
    // Whoever keeps this connection must not send another request just when it ends.
    if (ports.draining.aborted) headers.set("Connection", "close");
    // Refusals of anything but the protocol, such as a missing identity, too.
    if (request.url.includes(UPLOADS_PATH)) headers.set("Tus-Resumable", TUS_VERSION);
    if (scope.span !== undefined) endRequestSpan(scope.span, { request, scope, status });
    const durationMs = performance.now() - scope.startedMs;
    observe({ route: scope.route ?? "unmatched", method: request.method, status, durationMs });
    if (requestLog.isWanted(status)) {
      const address = addressGroup(ports.addressOf(request));
      requestLog.note(scope, { method: request.method, status, durationMs, address });
    }
    return response;
  };

  const fail = (request: Request, scope: RequestScope, error: unknown): Response => {
    const fault = faultOf(error);
    scope.failure = fault;
    return leave(request, scope, problemResponse(fault, scope.correlationId));
  };

  return (next) => (request) => {
    const header = request.headers.get(CORRELATION_HEADER);
    const scope: RequestScope = {
      correlationId: correlationIdFrom(header, makeCorrelationId),
      startedMs: performance.now(),
      route: undefined,
      identity: undefined,
      failure: undefined,
      span: ports.tracing === undefined ? undefined : startRequestSpan(ports.tracing, request),
    };
    openScope(request, scope);
    const done = (response: Response) => leave(request, scope, response);
    const failed = (error: unknown) => fail(request, scope, error);
    try {
      const path = readPath(request.url);
      const pending = isGuarded(path) ? identify({ ports, table, request, path, scope }) : undefined;
      const response = pending === undefined ? next(request) : pending.then(() => next(request));
      return response instanceof Promise ? response.then(done, failed) : done(response);
    } catch (error) {
      return failed(error);
    }
  };
}

function makeCorrelationId(): string {
  return Bun.randomUUIDv7();
}

/**
 * The path as it was sent. A URL that does not decode, or that holds a NUL, is refused for all routes: Bun would put a
 * replacement character into a parameter, and PostgreSQL refuses a NUL.
 */
function readPath(url: string): string {
  if (url.includes("%") && !isDecodable(url))
    throw new Fault("BAD_REQUEST", "the URL holds a percent sign that is no valid UTF-8 escape, or a NUL");
  const start = url.indexOf("/", url.indexOf("://") + 3);
  const end = url.indexOf("?", start);
  return end === -1 ? url.slice(start) : url.slice(start, end);
}

function isDecodable(url: string): boolean {
  try {
    return !decodeURIComponent(url).includes("\0");
  } catch {
    return false;
  }
}

function isGuarded(path: string): boolean {
  if (isBulk(path)) return true;
  if (!GUARDED.some((prefix) => path.startsWith(prefix))) return false;
  return !OPEN.has(path.endsWith("/") ? path.slice(0, -1) : path);
}

/** `/_bulk` and `/{index}/_bulk`, whose clients have schemes of their own. */
function isBulk(path: string): boolean {
  return path.endsWith("/_bulk") || path.endsWith("/_bulk/");
}

interface Arrival {
  readonly ports: Ports;
  readonly table: () => RouteTable;
  readonly request: Request;
  readonly path: string;
  readonly scope: RequestScope;
}

/** @returns a promise only when the database has to be asked. Throws, or rejects, with the fault of a refusal. */
function identify(arrival: Arrival): Promise<void> | undefined {
  const { ports, request, scope } = arrival;
  const { headers } = request;
  const credential = isBulk(arrival.path) ? readBulkCredential(headers) : readCredential(headers);
  if (credential === undefined) return refuseUnlessUnknown(arrival);
  const known = ports.identities.peek(credential);
  if (known === undefined)
    return ports.identities.resolve(credential).then((identity) => {
      scope.identity = identity;
    });
  scope.identity = known;
  return undefined;
}

/** A path or method that does not exist is said not to exist, to anybody. */
function refuseUnlessUnknown({ table, request, path }: Arrival): undefined {
  const methods = table().methodsOf(path);
  if (request.method !== "OPTIONS" && methods.includes(request.method))
    throw new Fault("UNAUTHENTICATED", "this needs an access token or an API key");
}
