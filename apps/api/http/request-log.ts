import type { Log } from "@millrace/observe";
import { traceFields } from "@millrace/protocol";
import type { RequestScope } from "./request-scope.ts";

/** Lines per second about refused and failed requests; the next line says how many were left out. */
const LINES_PER_SECOND_MAX = 100;

export interface RequestEnd {
  readonly method: string;
  readonly status: number;
  readonly durationMs: number;
  readonly address: string;
}

/**
 * One line per request that went wrong: 4xx at INFO, 5xx at ERROR with the cause. What went well is written at DEBUG
 * only: at 14 000 requests a second a line each would cost more than the requests, and metrics count them anyway.
 * Refusals are bounded, so that a flood of them does not become a flood of lines.
 */
export class RequestLog {
  readonly #log: Log;
  readonly #isDebug: boolean;
  readonly #nowMs: () => number;
  #second = 0;
  #lines = 0;
  #suppressed = 0;

  constructor(log: Log, nowMs: () => number) {
    this.#log = log;
    this.#isDebug = log.isEnabled("DEBUG");
    this.#nowMs = nowMs;
  }

  isWanted(status: number): boolean {
    return status >= 400 || this.#isDebug;
  }

  note(scope: RequestScope, end: RequestEnd): void {
    if (end.status < 400) {
      this.#log.debug("request", fieldsOf(scope, end));
      return;
    }
    if (!this.#takeLine()) return;
    const suppressed = this.#suppressed > 0 ? { suppressed_lines: this.#suppressed } : {};
    this.#suppressed = 0;
    const fields = { ...fieldsOf(scope, end), ...suppressed };
    if (end.status < 500) this.#log.info("request refused", fields);
    else this.#log.error("request failed", { ...fields, error: scope.failure?.cause ?? scope.failure });
  }

  #takeLine(): boolean {
    const second = Math.floor(this.#nowMs() / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#lines = 0;
    }
    this.#lines += 1;
    if (this.#lines <= LINES_PER_SECOND_MAX) return true;
    this.#suppressed += 1;
    return false;
  }
}

function fieldsOf(scope: RequestScope, end: RequestEnd): Record<string, unknown> {
  const { identity, failure } = scope;
  return {
    method: end.method,
    route: scope.route ?? "unmatched",
    status: end.status,
    duration_ms: Math.round(end.durationMs * 100) / 100,
    correlation_id: scope.correlationId,
    ...traceFields(scope.span?.context),
    address: end.address,
    ...(identity !== undefined && { user_id: identity.userId, via: identity.via }),
    ...(failure !== undefined && { code: failure.code, detail: failure.message }),
  };
}
