import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import { HTTP_REDIRECTS_MAX, HTTP_RESPONSE_BYTES_MAX } from "@millrace/core/limits";
import { cachedLookup, type Lookup, systemLookup } from "./lookup.ts";
import { type OutgoingRequest, PinnedClient, type SendResult } from "./pinned-client.ts";
import { EgressGuard, type EgressPolicy } from "./policy.ts";
import { type BodyResult, readBody } from "./read-body.ts";
import { isRedirect, redirectedRequest } from "./redirect.ts";
import { checkTarget } from "./target.ts";

export interface EgressOptions {
  readonly policy: EgressPolicy;
  /** The system's resolver unless given. */
  readonly lookup?: Lookup;
  /** PEM of the authorities to trust in place of the system's. */
  readonly tlsCa?: string;
  readonly connectMsMax?: number;
}

export interface Answer {
  readonly kind: "answer";
  readonly status: number;
  readonly statusText: string;
  readonly headers: IncomingHttpHeaders;
  /** Decoded and bounded; or why there is none. */
  readonly body: BodyResult;
  /** The URL that answered, after redirects. */
  readonly url: URL;
}

export type CallFailureCode =
  | "CONNECT_FAILED"
  | "CONNECTION_LOST"
  | "DNS_FAILED"
  | "REDIRECT_LIMIT"
  | "RESPONSE_INVALID"
  | "TARGET_FORBIDDEN"
  | "TLS_FAILED";

export interface CallFailure {
  readonly kind: "failed";
  readonly code: CallFailureCode;
  readonly message: string;
  readonly isRetryable: boolean;
}

/** Calls URLs on behalf of tasks. Each hop is looked up, checked, and connected to exactly what was checked. */
export class Egress {
  readonly #guard: EgressGuard;
  readonly #lookup: Lookup;
  readonly #client: PinnedClient;

  constructor(options: EgressOptions) {
    this.#guard = new EgressGuard(options.policy);
    this.#lookup = options.lookup ?? cachedLookup({ lookup: systemLookup, nowMs: () => performance.now() });
    this.#client = new PinnedClient(options);
  }

  /**
   * Sends the request and follows at most HTTP_REDIRECTS_MAX redirects. A status for which `isFinal` is true is an answer
   * even when it is a redirect. Rejects with the signal's reason on abort; all other failures are values.
   */
  async call(
    first: OutgoingRequest,
    isFinal: (status: number) => boolean,
    signal: AbortSignal,
  ): Promise<Answer | CallFailure> {
    let request = first;
    for (let hop = 0; hop <= HTTP_REDIRECTS_MAX; hop += 1) {
      const response = await this.#send(request, signal);
      if ("kind" in response) return response;
      const status = response.statusCode ?? 0;
      const location = response.headers.location;
      if (isFinal(status) || !isRedirect(status) || location === undefined)
        return answer(response, request.url, signal);
      leave(response);
      const next = redirectedRequest(request, status, location);
      if (next === undefined)
        return failure("RESPONSE_INVALID", "the redirect's location is not a URL", false);
      request = next;
    }
    return failure("REDIRECT_LIMIT", `more than ${HTTP_REDIRECTS_MAX} redirects`, false);
  }

  close(): void {
    this.#client.close();
  }

  async #send(request: OutgoingRequest, signal: AbortSignal): Promise<IncomingMessage | CallFailure> {
    const ports = { guard: this.#guard, lookup: this.#lookup };
    const target = await abortable(checkTarget(request.url, ports), signal);
    if (target.kind === "forbidden") return failure("TARGET_FORBIDDEN", target.message, false);
    if (target.kind === "unresolved") return failure("DNS_FAILED", target.message, true);
    const sent = await this.#client.send(request, target, signal);
    return sent.kind === "response" ? sent.response : sendFailure(sent);
  }
}

async function answer(response: IncomingMessage, url: URL, signal: AbortSignal): Promise<Answer> {
  const body = await readBody(response, HTTP_RESPONSE_BYTES_MAX, signal);
  return {
    kind: "answer",
    status: response.statusCode ?? 0,
    statusText: response.statusMessage ?? "",
    headers: response.headers,
    body,
    url,
  };
}

/** Nobody reads the body of a redirect. Without one the connection can serve again; with one it is not worth the wait. */
function leave(response: IncomingMessage): void {
  response.on("error", () => {});
  if (response.headers["content-length"] === "0") response.resume();
  else response.destroy();
}

function sendFailure(sent: SendResult & { kind: "failed" }): CallFailure {
  const message = `${sent.message} (${sent.reason})`;
  if (sent.phase === "connect") return failure("CONNECT_FAILED", message, true);
  if (sent.phase === "tls") return failure("TLS_FAILED", message, true);
  // HPE_…: the HTTP parser's codes. Garbage may come from a proxy that restarts, so it is worth another try.
  const isGarbage = sent.reason.startsWith("HPE_") || sent.reason === "UPGRADE";
  return failure(isGarbage ? "RESPONSE_INVALID" : "CONNECTION_LOST", message, true);
}

function failure(code: CallFailureCode, message: string, isRetryable: boolean): CallFailure {
  return { kind: "failed", code, message, isRetryable };
}

/** For work that cannot be cancelled itself: the caller stops waiting, the work ends unheard. */
function abortable<Value>(work: Promise<Value>, signal: AbortSignal): Promise<Value> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    if (signal.aborted) onAbort();
    signal.addEventListener("abort", onAbort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}
