import type { Lane, TaskPhase, TaskStatus } from "@millrace/core/task";
import type { BreakerWords } from "./breaker.ts";
import type { PartCheck } from "./parts.ts";
import type { SystemInfo } from "./worker.ts";

/** What `GET /api/stats` answers, and `GET /api/stream` sends first. Operators see all, users what is theirs. */
export type Overview = WholeOverview | OwnOverview;

/** The numbers of one moment. Rates are means of the last minute. */
export interface WholeNumbers {
  readonly at: string;
  readonly scope: "all";
  readonly counts: OverviewCounts;
  readonly rates: OverviewRates;
  /** How long attempts of the last five minutes ran, in milliseconds; null when none did. */
  readonly run_ms: RunQuantiles;
  /** Share of the last five minutes' attempts that failed, 0 … 1; null when none ended. */
  readonly error_rate: number | null;
  /** Only levels where something waits or runs. */
  readonly depth: readonly LevelDepthView[];
  /** Lanes and task types of which nothing new is started. */
  readonly paused: readonly string[];
  /** Of hosts that failed too often or were forced, and some that closed a while ago; the worst first, 100 at most. */
  readonly breakers: readonly BreakerWords[];
  readonly workers: readonly WorkerView[];
  readonly events: EventFlow;
  readonly parts: readonly PartView[];
  readonly alerts: readonly AlertView[];
}

export interface WholeOverview extends WholeNumbers {
  /** Oldest first, an hour at most. */
  readonly history: readonly HistoryBucket[];
}

/** Sent every second while anybody watches. */
export interface OverviewTick extends WholeNumbers {
  /** The newest buckets of the history, which replace those of the same start. */
  readonly latest: readonly HistoryBucket[];
}

export interface OwnOverview {
  readonly at: string;
  readonly scope: "own";
  /** Of the tasks that were submitted in the last hour, the newest 2 000 at most. */
  readonly counts: {
    readonly pending: number;
    readonly running: number;
    readonly completed: number;
    readonly failed: number;
    readonly cancelled: number;
  };
  readonly parts: readonly PartView[];
}

export interface OverviewCounts {
  /** All that is not running and not ended: the sum of the four after it. */
  readonly pending: number;
  readonly queued: number;
  readonly scheduled: number;
  readonly waiting: number;
  readonly retry_wait: number;
  readonly running: number;
  /** True: there are more open tasks than were counted. */
  readonly is_capped: boolean;
  readonly dead_letters: number;
  readonly dead_letters_capped: boolean;
  /** Within the last hour. */
  readonly completed_1h: number;
  readonly failed_1h: number;
  readonly retried_1h: number;
}

export interface OverviewRates {
  readonly submitted_per_s: number;
  readonly completed_per_s: number;
  readonly failed_per_s: number;
  readonly retried_per_s: number;
}

export interface RunQuantiles {
  readonly p50: number | null;
  readonly p95: number | null;
  readonly p99: number | null;
}

export interface LevelDepthView {
  readonly lane: Lane;
  readonly priority: number;
  readonly queued: number;
  readonly running: number;
}

export interface WorkerView {
  readonly worker_id: string;
  /** Of the product, or somebody's own that speaks HTTP. */
  readonly kind: "embedded" | "http";
  readonly status: "active" | "draining" | "unhealthy" | "dead";
  /** Whether it answered in the last seconds; null for workers that are never asked. Quicker than a missed heartbeat. */
  readonly is_answering: boolean | null;
  readonly capabilities: readonly string[];
  readonly max_concurrent_tasks: number;
  readonly current_tasks: readonly string[];
  readonly started_at: string;
  readonly last_heartbeat_at: string;
  readonly heartbeat_interval: number;
  readonly system_info: SystemInfo;
}

export interface EventFlow {
  /** Null while no process has said. */
  readonly accepted_per_s: number | null;
  readonly stored_per_s: number | null;
  readonly lag_messages: number | null;
  readonly lag_events: number | null;
  readonly lag_seconds: number | null;
}

export interface PartView {
  readonly name: string;
  /** Degraded: it answers, and lacks something that it needs. Unknown: nobody can be asked while NATS is away. */
  readonly status: "up" | "degraded" | "down" | "unknown";
  /** For people; null when it is up, and for plain users. */
  readonly reason: string | null;
  /** Processes that answer. */
  readonly instances: number;
  readonly checks: Readonly<Record<string, PartCheck>>;
}

export interface AlertView {
  readonly id: string;
  readonly rule: string;
  readonly severity: "warning" | "critical";
  readonly state: "firing" | "resolved";
  readonly since: string;
  readonly summary: string;
  readonly value: number;
  readonly threshold: number;
  readonly labels: Readonly<Record<string, string>>;
}

/** Ten seconds. */
export interface HistoryBucket {
  readonly start: string;
  readonly submitted: number;
  readonly completed: number;
  /** For good. */
  readonly failed: number;
  /** Attempts that failed and are tried again. */
  readonly retried: number;
  readonly p50: number | null;
  readonly p95: number | null;
  readonly p99: number | null;
  /** Null while nobody looked. */
  readonly pending: number | null;
  readonly running: number | null;
}

/** `steps`, to operators: the last step of each task that moved in the last moment. */
export interface StepsNotice {
  readonly steps: readonly StepView[];
  /** So many more tasks moved. */
  readonly left_out: number;
}

export interface StepView {
  readonly task_id: string;
  readonly status: TaskStatus;
  readonly phase: TaskPhase;
  readonly attempt: number;
  readonly at: string;
  readonly created_at: string;
  readonly worker_id: string | null;
  readonly task_type?: string;
  readonly lane?: Lane;
  readonly priority?: number;
  readonly took_ms?: number;
}
