import { describe, expect, test } from "bun:test";
import {
  askBreaker,
  type Breaker,
  type BreakerEvent,
  changeBreaker,
  hostVerdictOf,
  NEVER_OPENED,
  rampShare,
  releaseOf,
} from "@millrace/core/breaker";
import {
  BREAKER_COOL_DOWN_MS_MAX,
  BREAKER_COOL_DOWN_MS_MIN,
  BREAKER_JITTER,
  BREAKER_PROBE_LEASE_MS,
  BREAKER_RAMP_MS,
  RELEASE_FIRST,
  RELEASE_STEP_MS,
  RELEASE_TASKS_MAX,
  RETRY_AFTER_MS_MAX,
} from "@millrace/core/limits";
import * as fc from "fast-check";

const NOW_MS = 1_000_000;
const middle = () => 0.5;
const trip = (nowMs = NOW_MS, more: object = {}): BreakerEvent => ({
  ...{ kind: "trip", nowMs, reason: "HTTP_STATUS_503", random: middle },
  ...more,
});
const force = (to: "open" | "closed", nowMs = NOW_MS): BreakerEvent => ({
  ...{ kind: "force", to, nowMs, by: "user:1", reason: null },
});

/** The state after the events; each must change something. */
function after(breaker: Breaker, ...events: readonly BreakerEvent[]): Breaker {
  return events.reduce((before, event) => {
    const next = changeBreaker(before, event);
    if (next === null) throw new Error(`${event.kind} changed nothing in ${JSON.stringify(before)}`);
    return next;
  }, breaker);
}

function probeAt(breaker: Breaker): number {
  if (breaker.kind !== "open") throw new Error(`it is ${breaker.kind}`);
  return breaker.probeAtMs;
}

const OPEN = after(NEVER_OPENED, trip());
const PROBED = after(OPEN, { kind: "probe", nowMs: probeAt(OPEN), by: "a" });
const CLOSING = after(PROBED, { kind: "probe_succeeded", nowMs: NOW_MS + 2_000, by: "a" });

const by = fc.constantFrom("a", "b");
const fraction = fc.double({ min: 0, max: 0.999, noNaN: true });
/** A step of time, and what happens after it. */
const step = fc.record({
  waitMs: fc.nat(BREAKER_COOL_DOWN_MS_MAX * 2),
  kind: fc.constantFrom(
    ...(["trip", "probe", "renew", "probe_succeeded", "probe_dropped"] as const),
    ...(["probe_failed", "ramp_over", "open", "closed", "reset"] as const),
  ),
  by,
  fraction,
});
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

function eventOf({ kind, by: who, fraction: share }: Step, nowMs: number): BreakerEvent {
  const random = () => share;
  if (kind === "open" || kind === "closed") return { kind: "force", to: kind, nowMs, by: who, reason: null };
  if (kind === "trip") return { kind, nowMs, reason: "TIMEOUT", random };
  if (kind === "probe_failed") return { kind, nowMs, by: who, reason: "TIMEOUT", random };
  if (kind === "ramp_over" || kind === "reset") return { kind, nowMs };
  return { kind, nowMs, by: who };
}

/** Runs the steps, and shows each change that happened; fast-check prints the seed of a run that fails. */
function alongAll(see: (before: Breaker, event: BreakerEvent, next: Breaker) => void): void {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      let breaker = NEVER_OPENED;
      let nowMs = NOW_MS;
      for (const one of steps) {
        nowMs += one.waitMs;
        const event = eventOf(one, nowMs);
        const next = changeBreaker(breaker, event);
        if (next === null) continue;
        see(breaker, event, next);
        breaker = next;
      }
    }),
  );
}

const isForced = ({ kind }: Breaker) => kind === "forced_open" || kind === "forced_closed";

describe("invariants", () => {
  test("invariant 1: only an operator changes a forced state", () => {
    alongAll((before, event) => {
      if (isForced(before)) expect(["force", "reset"]).toContain(event.kind);
    });
    const forced = after(NEVER_OPENED, force("closed"));
    expect(changeBreaker(forced, trip())).toBeNull();
    expect(after(OPEN, force("closed"), force("open"), { kind: "reset", nowMs: 7 })).toEqual({
      kind: "closed",
      sinceMs: 7,
    });
  });

  test("invariant 2: one probe at a time, until its lease is over", () => {
    alongAll((before, event) => {
      if (before.kind === "half_open" && event.kind === "probe")
        expect(event.nowMs).toBeGreaterThanOrEqual(before.leaseUntilMs);
    });
    const leaseMs = probeAt(OPEN) + BREAKER_PROBE_LEASE_MS;
    expect(changeBreaker(PROBED, { kind: "probe", nowMs: leaseMs - 1, by: "b" })).toBeNull();
    expect(changeBreaker(PROBED, { kind: "probe", nowMs: leaseMs, by: "b" })).toMatchObject({ probe: "b" });
    const renewed = after(PROBED, { kind: "renew", nowMs: leaseMs - 1, by: "a" });
    expect(changeBreaker(renewed, { kind: "probe", nowMs: leaseMs, by: "b" })).toBeNull();
  });

  test("invariant 3: a probe that lost its lease changes nothing", () => {
    alongAll((before, event) => {
      if (event.kind.startsWith("probe_") || event.kind === "renew")
        expect(before).toMatchObject({ kind: "half_open", probe: "by" in event ? event.by : "" });
    });
    for (const kind of ["probe_succeeded", "probe_dropped", "renew"] as const)
      expect(changeBreaker(PROBED, { kind, nowMs: NOW_MS, by: "b" })).toBeNull();
  });

  test("invariant 4: the cool-down doubles up to its bound, give or take the jitter", () => {
    alongAll((_, event, next) => {
      if (next.kind !== "open" || event.kind === "probe_dropped") return;
      const plainMs = Math.min(BREAKER_COOL_DOWN_MS_MAX, BREAKER_COOL_DOWN_MS_MIN * 2 ** (next.openings - 1));
      const ratio = (next.probeAtMs - next.sinceMs) / plainMs;
      expect(ratio).toBeGreaterThanOrEqual(1 - BREAKER_JITTER - 0.001);
      expect(ratio).toBeLessThanOrEqual(1 + BREAKER_JITTER + 0.001);
    });
  });

  test("invariant 4: a host that asks for more time gets it, up to a bound; one that asks for less gets ours", () => {
    const cooled = (retryAfterMs: number) =>
      probeAt(after(NEVER_OPENED, trip(NOW_MS, { retryAfterMs }))) - NOW_MS;
    expect(cooled(30_000)).toBe(30_000);
    expect(cooled(1)).toBe(BREAKER_COOL_DOWN_MS_MIN);
    expect(cooled(Number.MAX_VALUE)).toBe(RETRY_AFTER_MS_MAX);
    for (const senseless of [Number.NaN, Number.POSITIVE_INFINITY, -5])
      expect(cooled(senseless)).toBe(BREAKER_COOL_DOWN_MS_MIN);
  });

  test("invariant 5: nothing passes before the cool-down is over, and then one probe", () => {
    const load = { running: 0, slots: 10 };
    expect(askBreaker(OPEN, { nowMs: probeAt(OPEN) - 1, ...load })).toBe("wait");
    expect(askBreaker(OPEN, { nowMs: probeAt(OPEN), ...load })).toBe("probe");
    expect(askBreaker(PROBED, { nowMs: probeAt(OPEN), ...load })).toBe("wait");
    expect(changeBreaker(OPEN, { kind: "probe", nowMs: probeAt(OPEN) - 1, by: "a" })).toBeNull();
  });

  test("invariant 6: what passes while it closes only grows, up to everything", () => {
    fc.assert(
      fc.property(fc.nat(BREAKER_RAMP_MS * 2), fc.nat(1_000), (elapsedMs, moreMs) => {
        const share = rampShare(NOW_MS, NOW_MS + elapsedMs);
        expect(share).toBeGreaterThan(0);
        expect(rampShare(NOW_MS, NOW_MS + elapsedMs + moreMs)).toBeGreaterThanOrEqual(share);
      }),
    );
    expect(rampShare(NOW_MS, NOW_MS + BREAKER_RAMP_MS)).toBe(1);
    const at = (running: number) => askBreaker(CLOSING, { nowMs: CLOSING.sinceMs, running, slots: 20 });
    expect([at(0), at(1), at(2)]).toEqual(["pass", "pass", "wait"]);
  });

  test("invariant 6: a failure on the way opens it for longer than before", () => {
    const again = after(CLOSING, trip(CLOSING.sinceMs + 10));
    expect(again).toMatchObject({ kind: "open", openings: 2 });
    expect(probeAt(again) - again.sinceMs).toBe(2 * BREAKER_COOL_DOWN_MS_MIN);
  });

  test("invariant 7: once it has closed, openings count from one, whether somebody wrote the closing down or not", () => {
    const overMs = CLOSING.sinceMs + BREAKER_RAMP_MS;
    expect(changeBreaker(CLOSING, { kind: "ramp_over", nowMs: overMs - 1 })).toBeNull();
    expect(after(CLOSING, { kind: "ramp_over", nowMs: overMs }, trip(overMs))).toMatchObject({ openings: 1 });
    expect(after(CLOSING, trip(overMs))).toMatchObject({ openings: 1 });
  });

  test("invariant 8: from each state that is not forced there is a moment when something passes", () => {
    alongAll((_, event, next) => {
      if (isForced(next)) return;
      const laterMs = event.nowMs + Math.max(RETRY_AFTER_MS_MAX, BREAKER_COOL_DOWN_MS_MAX * 2);
      expect(askBreaker(next, { nowMs: laterMs, running: 0, slots: 1 })).not.toBe("wait");
      const { tasks, againAtMs } = releaseOf(next, event.nowMs);
      expect(tasks > 0 || againAtMs !== null).toBe(true);
    });
  });
});

test("a dropped probe lets the next one try at once, and lengthens nothing", () => {
  const dropped = after(PROBED, { kind: "probe_dropped", nowMs: NOW_MS + 9_000, by: "a" });
  expect(dropped).toMatchObject({ kind: "open", openings: 1, probeAtMs: NOW_MS + 9_000 });
});

test("parked tasks go on: none, one, then twice as many at each step, then all", () => {
  expect(releaseOf(OPEN, NOW_MS)).toEqual({ tasks: 0, againAtMs: probeAt(OPEN) });
  expect(releaseOf(OPEN, probeAt(OPEN)).tasks).toBe(1);
  expect(releaseOf(PROBED, probeAt(OPEN))).toEqual({
    tasks: 0,
    againAtMs: probeAt(OPEN) + BREAKER_PROBE_LEASE_MS,
  });
  const portions = [0, 1, 2, 3].map((n) => releaseOf(CLOSING, CLOSING.sinceMs + n * RELEASE_STEP_MS).tasks);
  expect(portions).toEqual([1, 2, 4, 8].map((times) => times * RELEASE_FIRST));
  expect(releaseOf(CLOSING, CLOSING.sinceMs + BREAKER_RAMP_MS)).toEqual({
    tasks: RELEASE_TASKS_MAX,
    againAtMs: null,
  });
  expect(releaseOf(after(OPEN, force("open")), NOW_MS)).toEqual({ tasks: 0, againAtMs: null });
});

describe("what an outcome says about the host", () => {
  const failed = (code: string, isRetryable = true) =>
    hostVerdictOf({ kind: "failed", error: { code, message: "" }, isRetryable });

  test("network errors, time-outs, 5xx and 429 speak against it", () => {
    const codes = [
      "CONNECT_FAILED",
      "CONNECTION_LOST",
      "DNS_FAILED",
      "TLS_FAILED",
      "TIMEOUT",
      "RESPONSE_INVALID",
    ];
    for (const code of [...codes, "HTTP_STATUS_500", "HTTP_STATUS_503", "HTTP_STATUS_429"])
      expect([code, failed(code)]).toEqual([code, "failing"]);
  });

  test("any other answer shows that it is there", () => {
    for (const code of ["HTTP_STATUS_400", "HTTP_STATUS_404", "HTTP_STATUS_408", "HTTP_STATUS_302"])
      expect([code, failed(code)]).toEqual([code, "healthy"]);
    expect(failed("RESPONSE_INVALID", false)).toBe("healthy");
    expect(hostVerdictOf({ kind: "completed", result: null })).toBe("healthy");
  });

  test("our own faults say nothing", () => {
    for (const code of [
      "TARGET_FORBIDDEN",
      "PAYLOAD_INVALID",
      "HANDLER_ERROR",
      "REDIRECT_LIMIT",
      "HTTP_STATUS_x",
    ])
      expect([code, failed(code)]).toEqual([code, "unknown"]);
  });
});
