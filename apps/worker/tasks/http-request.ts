import type { AttemptOutcome, Json } from "@millrace/core";
import { ERROR_MESSAGE_CHARS_MAX } from "@millrace/core/limits";
import { failWith, type Span } from "@millrace/observe";
import {
  type HttpRequestPayload,
  isExpectedStatus,
  parseHttpRequest,
} from "@millrace/protocol/task-types/index";
import { endCallSpan, startCallSpan, withTrace } from "../egress/call-span.ts";
import { type Answer, type CallFailure, Egress } from "../egress/egress.ts";
import type { OutgoingRequest } from "../egress/pinned-client.ts";
import { ACCEPT_ENCODING, type BodyResult } from "../egress/read-body.ts";
import { bodyValue, headersValue } from "../egress/response-value.ts";
import { retryAfterMs } from "../egress/retry-after.ts";
import type { TaskContext, TaskPorts, TaskType } from "../task-type.ts";

const USER_AGENT = "millrace";
/** Of the body of a failed call, what its error message quotes. */
const EXCERPT_CHARS_MAX = 200;

/** Calls an external HTTP API once per attempt. */
export default function httpRequest(ports: TaskPorts): TaskType {
  const { egress: policy, lookup, tlsCa } = ports;
  const egress = new Egress({
    policy,
    ...(lookup === undefined ? {} : { lookup }),
    ...(tlsCa === undefined ? {} : { tlsCa }),
  });
  return {
    taskType: "http.request",
    async run(context) {
      const parsed = parseHttpRequest(context.payload);
      if (!parsed.ok) {
        const message = parsed.errors.map((problem) => `${problem.path} ${problem.message}`).join("; ");
        return failed({ code: "PAYLOAD_INVALID", message, isRetryable: false });
      }
      return await callOnce(egress, parsed.value, context);
    },
  };
}

async function callOnce(
  egress: Egress,
  payload: HttpRequestPayload,
  context: TaskContext,
): Promise<AttemptOutcome> {
  const startedMs = performance.now();
  const isFinal = (status: number) => isExpectedStatus(status, payload.expectStatus);
  const request = toRequest(payload, context);
  const answer =
    context.span === undefined
      ? await egress.call(request, isFinal, context.signal)
      : await tracedCall(context.span, request, (traced) => egress.call(traced, isFinal, context.signal));
  const durationMs = Math.round(performance.now() - startedMs);
  const call = `${payload.method} ${withoutQuery(new URL(payload.url))}`;
  if (answer.kind === "failed") return failed(answer, call);
  context.log.debug("call answered", { call, status: answer.status, duration_ms: durationMs });
  return isFinal(answer.status) ? succeeded(answer, durationMs, call) : refused(answer, call);
}

async function tracedCall(
  attempt: Span,
  request: OutgoingRequest,
  call: (request: OutgoingRequest) => Promise<Answer | CallFailure>,
): Promise<Answer | CallFailure> {
  const span = startCallSpan(attempt, request);
  try {
    const answer = await call(withTrace(request, span));
    endCallSpan(span, answer);
    return answer;
  } catch (error) {
    failWith(span, error); // The attempt was stopped.
    throw error;
  } finally {
    span.end();
  }
}

/** What Millrace says comes last: a task cannot speak in another task's name. Its own User-Agent is its own business. */
function toRequest(payload: HttpRequestPayload, context: TaskContext): OutgoingRequest {
  return {
    method: payload.method,
    url: new URL(payload.url),
    headers: {
      accept: "*/*",
      "user-agent": USER_AGENT,
      ...payload.headers,
      "accept-encoding": ACCEPT_ENCODING,
      "idempotency-key": context.taskId,
      "x-correlation-id": context.correlationId,
    },
    body: payload.body,
  };
}

/** The status says success; a body that was lost on the way is asked for again, under the same idempotency key. */
function succeeded(answer: Answer, durationMs: number, call: string): AttemptOutcome {
  if (answer.body.kind === "failed") return failed(bodyFailure(answer.body), call);
  const { body, isTruncated } = bodyValue(
    answer.body.bytes,
    answer.headers["content-type"],
    answer.body.isTruncated,
  );
  const result: Json = {
    status: answer.status,
    headers: headersValue(answer.headers),
    body,
    body_truncated: isTruncated,
    duration_ms: durationMs,
    url: answer.url.href,
  };
  return { kind: "completed", result };
}

function bodyFailure(body: BodyResult & { kind: "failed" }): CallFailure {
  const code = body.problem === "cut" ? "CONNECTION_LOST" : "RESPONSE_INVALID";
  // A server that codes what nobody offered to decode will do so again.
  return { kind: "failed", code, message: body.message, isRetryable: body.problem !== "unknown_coding" };
}

/** The status says failure. 408, 425, 429 and 5xx may pass; anything else will be the same next time. */
function refused(answer: Answer, call: string): AttemptOutcome {
  const { status } = answer;
  const isRetryable = status === 408 || status === 425 || status === 429 || status >= 500;
  const message = `${call} answered ${`${status} ${answer.statusText}`.trim()}${excerpt(answer)}`;
  const waitMs = isRetryable ? retryAfterMs(answer.headers["retry-after"], Date.now()) : undefined;
  const outcome = failed({ code: `HTTP_STATUS_${status}`, message, isRetryable });
  return waitMs === undefined ? outcome : { ...outcome, retryAfterMs: waitMs };
}

function excerpt(answer: Answer): string {
  if (answer.body.kind === "failed" || answer.body.bytes.length === 0) return "";
  const { body } = bodyValue(answer.body.bytes, answer.headers["content-type"], answer.body.isTruncated);
  const text = (typeof body === "string" ? body : JSON.stringify(body)).replace(/\s+/g, " ").trim();
  return `: ${text.slice(0, EXCERPT_CHARS_MAX).toWellFormed()}`;
}

/** For messages and logs: queries carry keys often enough. */
function withoutQuery(url: URL): string {
  return `${url.origin}${url.pathname}`;
}

function failed(
  failure: Pick<CallFailure, "message" | "isRetryable"> & { readonly code: string },
  call?: string,
): AttemptOutcome & { kind: "failed" } {
  const { code, isRetryable } = failure;
  const message = call === undefined ? failure.message : `${call}: ${failure.message}`;
  return { kind: "failed", error: { code, message: message.slice(0, ERROR_MESSAGE_CHARS_MAX) }, isRetryable };
}
