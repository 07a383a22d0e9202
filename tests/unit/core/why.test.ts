import { expect, test } from "bun:test";
import { explainTask, WHY_REASONS, type WhyFacts } from "@millrace/core/why";

const AT = new Date("2026-01-15T12:00:00Z");
const FACTS: WhyFacts = {
  taskType: "simulate",
  lane: "short",
  priority: 5,
  status: "pending",
  phase: "queued",
  attempts: 1,
  maxAttempts: 3,
  workerId: "worker-1",
  startedAt: AT,
  completedAt: AT,
  nextAttemptAt: AT,
  error: null,
  parents: [],
  waitingFor: 0,
  debounce: null,
  heldBy: null,
  breaker: null,
  limit: null,
  pause: null,
  capableWorkers: 1,
  isAlone: false,
  ahead: { tasks: 4, isCapped: false },
  turn: null,
};
const turn = { tenant: "acme", others: 1, areOthersCapped: false, ahead: { tasks: 1, isCapped: false } };
const why = (facts: Partial<WhyFacts>) => explainTask({ ...FACTS, ...facts });
const origin = "https://api.example.org";
const behind = { phase: "parked", heldBy: { kind: "breaker", origin } } as const;
const pause = { name: "simulate", isLane: false, pausedAt: AT, reason: "maintenance" };
const parents = [{ taskId: "a", status: "running", phase: "running" }] as const;

const CASES: readonly (readonly [reason: string, facts: Partial<WhyFacts>, summary: RegExp])[] = [
  ["completed", { phase: "done", status: "completed" }, /completed, in attempt 1/],
  [
    "failed",
    { phase: "dead", status: "failed", error: { code: "BOOM", message: "" } },
    /after 1 attempt: BOOM/,
  ],
  ["cancelled", { phase: "cancelled", status: "cancelled" }, /cancelled/],
  ["running", { phase: "running" }, /runs on worker-1 since 2026-01-15T12/],
  ["dependencies", { phase: "waiting", waitingFor: 2, parents }, /2 tasks to end, among them a \(running\)/],
  ["scheduled", { phase: "scheduled" }, /start at 2026-01-15T12/],
  [
    "debounced",
    {
      phase: "scheduled",
      debounce: { key: "k", latestAt: new Date("2026-01-15T13:00:00Z"), submissions: 3 },
    },
    /starts at 2026-01-15T12.* unless it is submitted again, and at 2026-01-15T13.*; 3 submissions so far/,
  ],
  ["retry_wait", { phase: "retry_wait" }, /Attempt 1 failed; the next one starts at 2026/],
  ["breaker", behind, /go on now/],
  ["limit", { phase: "parked", heldBy: { kind: "limit", scope: "type", name: "x" } }, /type x was limited/],
  [
    "paused_lane",
    { phase: "parked", pause: { ...pause, name: "short", isLane: true } },
    /lane short is paused/,
  ],
  ["paused_type", { phase: "parked", pause }, /type simulate is paused \(maintenance\)/],
  ["no_worker", { capableWorkers: 0 }, /can run simulate/],
  ["quarantine", { isAlone: true }, /in quarantine, because workers died with it/],
  ["tenant_turn", { turn }, /round with 1 other tenant; 1 task of tenant acme is before it/],
  ["lane_position", {}, /4 tasks are before it/],
];

for (const [reason, facts, summary] of CASES)
  test(`${reason}: told with a sentence`, () => {
    const told = why(facts);
    expect(told).toMatchObject({ reason });
    expect(told.summary).toMatch(summary);
  });

test("every reason has its case", () => {
  expect(CASES.map(([reason]) => reason).toSorted()).toEqual([...WHY_REASONS].toSorted());
});

test("an open breaker comes with its next probe", () => {
  const breaker = {
    kind: "open",
    sinceMs: 0,
    openings: 1,
    reason: "TIMEOUT",
    probeAtMs: AT.getTime(),
  } as const;
  expect(why({ ...behind, breaker })).toMatchObject({
    details: { origin, state: "open", next_probe_at: AT.toISOString(), opened_for: "TIMEOUT" },
  });
});

test("a limit comes with its bounds", () => {
  const heldBy = { kind: "limit", scope: "tenant", name: "acme" } as const;
  const told = why({ phase: "parked", heldBy, limit: { ratePerSecond: 5, maxConcurrent: 2 } });
  expect(told.summary).toContain("limited to 5 per second and 2 at once");
});

test("a turn comes with who else waits, and how many of its own tenant come first", () => {
  const many = { tenant: null, others: 100, areOthersCapped: true, ahead: { tasks: 10_000, isCapped: true } };
  const told = why({ turn: many, ahead: null });
  expect(told.summary).toContain(
    "with more than 100 other tenants; more than 10000 tasks without a tenant are",
  );
  expect(told.details).toEqual({
    ...{ lane: "short", priority: 5, tenant: null, ahead_of_tenant: 10_000, ahead_of_tenant_capped: true },
    ...{ other_tenants: 100, other_tenants_capped: true, capable_workers: 1 },
  });
});

test("where nobody could say who works, and how many come first, it is still the turn that it waits for", () => {
  expect(why({ capableWorkers: null, ahead: null })).toMatchObject({
    reason: "lane_position",
    details: { ahead: null, capable_workers: null },
  });
  expect(why({ ahead: { tasks: 10_000, isCapped: true } }).summary).toContain("more than 10000 tasks are");
});
