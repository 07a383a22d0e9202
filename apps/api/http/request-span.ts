import type { Span, Tracing } from "@millrace/observe";
import { joinTraceContext, TRACEPARENT_HEADER, TRACESTATE_HEADER } from "@millrace/protocol";
import type { RequestScope } from "./request-scope.ts";

/** What the product does for its users. Probes, scrapes and the files of the page would bury it. */
const TRACED = ["/api/", "/v1/"];
const BULK = "/_bulk";
/** Any other one could be anything: a name may not be as varied as its callers like. */
const METHODS = new Set(["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"]);
const PATH_CHARS_MAX = 256;

/** Goes on with the caller's trace, if it sends a sane context, or begins one. */
export function startRequestSpan(tracing: Tracing, request: Request): Span | undefined {
  const { url, headers } = request;
  const start = url.indexOf("/", url.indexOf("://") + 3);
  const end = url.indexOf("?", start);
  const path = url.slice(start, end === -1 ? undefined : end);
  if (!TRACED.some((prefix) => path.startsWith(prefix)) && !path.includes(BULK)) return undefined;
  const method = methodOf(request);
  return tracing.start(method === "_OTHER" ? "HTTP" : method, {
    kind: "server",
    parent: joinTraceContext(headers.get(TRACEPARENT_HEADER), headers.get(TRACESTATE_HEADER)),
    attributes: {
      "http.request.method": method,
      "url.path": path.slice(0, PATH_CHARS_MAX),
      "url.scheme": url.slice(0, url.indexOf(":")),
    },
  });
}

interface RequestEnded {
  readonly request: Request;
  readonly scope: RequestScope;
  readonly status: number;
}

/** @see https://opentelemetry.io/docs/specs/semconv/http/http-spans/#http-server-span */
export function endRequestSpan(span: Span, { request, scope, status }: RequestEnded): void {
  const { route, failure, correlationId } = scope;
  if (route !== undefined) span.rename(`${methodOf(request)} ${route}`);
  span.set({
    "http.response.status_code": status,
    "millrace.correlation_id": correlationId,
    ...(route !== undefined && { "http.route": route }),
    ...(failure !== undefined && { "millrace.fault": failure.code }),
  });
  if (status >= 500) span.fail(failure?.code ?? String(status), failure?.message ?? "");
  span.end();
}

function methodOf({ method }: Request): string {
  return METHODS.has(method) ? method : "_OTHER";
}
