import type { KnownBreaker, KnownWorker, LevelDepth } from "@millrace/bus";
import type { BreakerKind } from "@millrace/core/breaker";
import type { Readiness } from "@millrace/observe";
import { type BreakerWords, breakerToWords } from "@millrace/protocol";
import type {
  AlertView,
  LevelDepthView,
  OverviewCounts,
  OwnOverview,
  PartView,
  WholeNumbers,
  WorkerView,
} from "@millrace/protocol/overview";
import type { OpenCounts, OwnCounts } from "@millrace/store/tasks/count-overview";
import type { History } from "./history.ts";
import type { Parts } from "./parts.ts";

export const NOTHING_OPEN: OpenCounts = {
  ...{ waiting: 0, scheduled: 0, queued: 0, retryWait: 0, running: 0, isCapped: false },
  ...{ deadLetters: 0, areDeadLettersCapped: false },
};

export interface Known {
  readonly atMs: number;
  readonly open: OpenCounts;
  readonly depths: readonly LevelDepth[];
  readonly paused: readonly string[];
  readonly breakers: readonly KnownBreaker[];
  readonly history: History;
  readonly parts: Parts;
  readonly readiness: Readiness;
  readonly workers: readonly KnownWorker[];
  readonly alerts: readonly AlertView[];
}

/** Puts what is known into the words of the wire. */
export function composeNumbers(known: Known): WholeNumbers {
  const { history, parts } = known;
  return {
    at: new Date(known.atMs).toISOString(),
    scope: "all",
    counts: countsOf(known),
    rates: history.rates(),
    run_ms: history.runTimes(),
    error_rate: history.errorRate(),
    depth: known.depths.flatMap(depthView),
    paused: known.paused,
    breakers: breakersView(known.breakers),
    workers: known.workers.map((worker) => workerView(worker, parts)),
    events: parts.events(),
    parts: parts.view(known.readiness),
    alerts: known.alerts,
  };
}

function countsOf({ open, depths, history }: Known): OverviewCounts {
  const { queued: counted, scheduled, waiting, retryWait: retry_wait, running } = open;
  // Beyond what was counted, the messages tell better.
  const messages = depths.reduce((sum, { pending }) => sum + pending, 0);
  const queued = open.isCapped ? Math.max(counted, messages) : counted;
  const { completed, failed, retried } = history.sums();
  return {
    pending: queued + scheduled + waiting + retry_wait,
    ...{ queued, scheduled, waiting, retry_wait, running, is_capped: open.isCapped },
    dead_letters: open.deadLetters,
    dead_letters_capped: open.areDeadLettersCapped,
    ...{ completed_1h: completed, failed_1h: failed, retried_1h: retried },
  };
}

function depthView({ lane, priority, pending, delivered }: LevelDepth): readonly LevelDepthView[] {
  return pending + delivered === 0 ? [] : [{ lane, priority, queued: pending, running: delivered }];
}

/** More than that nobody can read; all of them are at /api/breakers. */
const BREAKERS_SHOWN_MAX = 100;
const URGENCY: readonly BreakerKind[] = [
  ...(["open", "half_open", "closing", "forced_open", "forced_closed", "closed"] as const),
];

function breakersView(known: readonly KnownBreaker[]): readonly BreakerWords[] {
  return known
    .map(({ origin, breaker }) => breakerToWords(origin, breaker))
    .sort(
      (a, b) => URGENCY.indexOf(a.state) - URGENCY.indexOf(b.state) || a.origin.localeCompare(b.origin, "en"),
    )
    .slice(0, BREAKERS_SHOWN_MAX);
}

const SICKNESS = { unhealthy: "unhealthy", dead: "dead" } as const;

function workerView({ beat, liveness }: KnownWorker, parts: Parts): WorkerView {
  return {
    worker_id: beat.worker_id,
    kind: beat.owner_id === undefined ? "embedded" : "http",
    status: liveness === "alive" ? beat.status : SICKNESS[liveness],
    is_answering: parts.isAnswering(beat.worker_id),
    capabilities: beat.capabilities,
    max_concurrent_tasks: beat.max_concurrent_tasks,
    current_tasks: parts.currentTasksOf(beat.worker_id) ?? beat.current_tasks,
    started_at: beat.started_at,
    last_heartbeat_at: beat.last_heartbeat_at,
    heartbeat_interval: beat.heartbeat_interval,
    system_info: beat.system_info,
  };
}

export interface OwnKnown {
  readonly atMs: number;
  readonly counts: OwnCounts | undefined;
  readonly parts: readonly PartView[];
}

/** Reasons and instances tell how the system is built, which is not a user's business; whether it works is. */
export function ownOverview({ atMs, counts, parts }: OwnKnown): OwnOverview {
  const { pending = 0, running = 0, completed = 0, failed = 0, cancelled = 0 } = counts ?? {};
  return {
    at: new Date(atMs).toISOString(),
    scope: "own",
    counts: { pending, running, completed, failed, cancelled },
    parts: parts.map(({ name, status }) => ({ name, status, reason: null, instances: 0, checks: {} })),
  };
}
