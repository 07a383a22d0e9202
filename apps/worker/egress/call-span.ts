import type { Span } from "@millrace/observe";
import { splitTraceContext, TRACEPARENT_HEADER, TRACESTATE_HEADER } from "@millrace/protocol";
import type { Answer, CallFailure } from "./egress.ts";
import type { OutgoingRequest } from "./pinned-client.ts";

/** A call and its redirects, as one span. @see https://opentelemetry.io/docs/specs/semconv/http/http-spans/#http-client-span */
export function startCallSpan(attempt: Span, { method, url }: OutgoingRequest): Span {
  return attempt.child(method, {
    kind: "client",
    attributes: {
      "http.request.method": method,
      "server.address": url.hostname,
      ...(portOf(url) !== undefined && { "server.port": portOf(url) ?? 0 }),
      // Without identity, query and fragment: keys stand there often enough.
      "url.full": `${url.origin}${url.pathname}`,
    },
  });
}

function portOf({ port, protocol }: URL): number | undefined {
  if (port !== "") return Number(port);
  return { "http:": 80, "https:": 443 }[protocol];
}

/** Whoever is called goes on with the trace. What the task has set itself stays: it may speak for another trace. */
export function withTrace(request: OutgoingRequest, span: Span): OutgoingRequest {
  const trace = splitTraceContext(span.context);
  if (trace === undefined || Object.hasOwn(request.headers, TRACEPARENT_HEADER)) return request;
  const { traceparent, tracestate } = trace;
  return {
    ...request,
    headers: {
      ...request.headers,
      [TRACEPARENT_HEADER]: traceparent,
      ...(tracestate !== undefined && { [TRACESTATE_HEADER]: tracestate }),
    },
  };
}

export function endCallSpan(span: Span, answer: Answer | CallFailure): void {
  if (answer.kind === "failed") span.fail(answer.code, answer.message);
  else {
    span.set({ "http.response.status_code": answer.status });
    if (answer.status >= 400) span.fail(String(answer.status), answer.statusText);
  }
  span.end();
}
