import type { Breaker, BreakerKind } from "@millrace/core/breaker";

/** A breaker as the bucket `breakers` keeps it and the API shows it: what `nats kv get breakers <key>` prints. */
export interface BreakerWords {
  readonly origin: string;
  readonly state: BreakerKind;
  /** RFC 3339, like all times here. */
  readonly since: string;
  /** In a row, without having closed in between. */
  readonly openings: number;
  /** The failure that opened it, or what the operator said. */
  readonly reason: string | null;
  /** When it is open: the first moment at which a call may try whether the host is back. */
  readonly probe_at: string | null;
  /** When it is half open: who tries, and until when it is his turn. */
  readonly probe: string | null;
  readonly lease_until: string | null;
  /** Who forced it. */
  readonly forced_by: string | null;
}

export function breakerToWords(origin: string, breaker: Breaker): BreakerWords {
  const isDown = "openings" in breaker;
  const reason = "reason" in breaker ? breaker.reason : null;
  return {
    origin,
    state: breaker.kind,
    since: timeOf(breaker.sinceMs),
    openings: isDown ? breaker.openings : 0,
    reason,
    probe_at: breaker.kind === "open" ? timeOf(breaker.probeAtMs) : null,
    probe: breaker.kind === "half_open" ? breaker.probe : null,
    lease_until: breaker.kind === "half_open" ? timeOf(breaker.leaseUntilMs) : null,
    forced_by: "by" in breaker ? breaker.by : null,
  };
}

/** Null for what is no breaker of ours: somebody may have written it by hand. */
export function decodeBreaker(body: string): { readonly origin: string; readonly breaker: Breaker } | null {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    return null;
  }
  if (typeof value !== "object" || value === null) return null;
  const words = value as Partial<Record<keyof BreakerWords, unknown>>;
  const breaker = breakerOf(words);
  return typeof words.origin === "string" && breaker !== null ? { origin: words.origin, breaker } : null;
}

function breakerOf(words: Partial<Record<keyof BreakerWords, unknown>>): Breaker | null {
  const sinceMs = msOf(words.since);
  if (sinceMs === null) return null;
  const openings = typeof words.openings === "number" && words.openings >= 1 ? Math.floor(words.openings) : 1;
  const reason = typeof words.reason === "string" ? words.reason : "";
  switch (words.state) {
    case "closed":
      return { kind: "closed", sinceMs };
    case "closing":
      return { kind: "closing", sinceMs, openings, reason };
    case "open":
      return { kind: "open", sinceMs, openings, reason, probeAtMs: msOf(words.probe_at) ?? sinceMs };
    case "half_open": {
      const leaseUntilMs = msOf(words.lease_until) ?? sinceMs;
      return { kind: "half_open", sinceMs, openings, reason, probe: String(words.probe), leaseUntilMs };
    }
    case "forced_open":
    case "forced_closed":
      return {
        kind: words.state,
        sinceMs,
        by: String(words.forced_by),
        reason: reason === "" ? null : reason,
      };
    default:
      return null;
  }
}

/** A Date ends in the year 275 760; a cool-down never does. */
function timeOf(ms: number): string {
  return new Date(ms).toISOString();
}

function msOf(time: unknown): number | null {
  const ms = typeof time === "string" ? Date.parse(time) : Number.NaN;
  return Number.isNaN(ms) ? null : ms;
}
