/** What the API answers, as far as the page reads it. Described in full at /docs. */
import type { FileStatus } from "@millrace/core/files";
import type { LimitScope } from "@millrace/core/guard-names";
import type { Json, Lane, TaskPhase, TaskStatus } from "@millrace/core/task";

export interface TaskFailure {
  readonly code: string;
  readonly message: string;
}

/** What a list shows; a step of the live stream can make one, without asking for it. */
export interface TaskLine {
  readonly task_id: string;
  readonly task_type: string;
  readonly status: TaskStatus;
  readonly phase: TaskPhase;
  readonly priority: number;
  readonly lane: Lane;
  readonly attempts: number;
  readonly max_attempts: number | null;
  readonly worker_id: string | null;
  readonly created_at: string;
  readonly progress: number | null;
}

export interface Task extends TaskLine {
  readonly payload: Json;
  readonly dependencies: readonly string[];
  readonly timeout: number;
  readonly max_attempts: number;
  readonly backoff: Json;
  readonly tenant: string | null;
  readonly run_at: string | null;
  readonly started_at: string | null;
  readonly completed_at: string | null;
  readonly next_attempt_at: string | null;
  readonly result: Json;
  readonly error: TaskFailure | null;
  readonly correlation_id: string;
}

export interface TaskPage {
  readonly items: readonly Task[];
  readonly total: number;
  readonly total_capped: boolean;
  readonly next_cursor: string | null;
}

export interface Attempt {
  readonly attempt: number;
  readonly status: "running" | "completed" | "failed" | "dead" | "cancelled" | "lost" | "returned";
  readonly worker_id: string | null;
  readonly started_at: string | null;
  readonly ended_at: string | null;
  readonly retry_at: string | null;
  readonly result: Json;
  readonly error: TaskFailure | null;
  /** Of an attempt that ran alone. */
  readonly log: string | null;
}

export interface Graph {
  readonly nodes: readonly GraphNode[];
  readonly edges: readonly { readonly from: string; readonly to: string }[];
  readonly truncated: boolean;
}

export interface GraphNode {
  readonly task_id: string;
  readonly task_type: string;
  readonly status: TaskStatus;
  readonly phase: TaskPhase;
}

export interface DeadLetter {
  readonly task_id: string;
  readonly task_type: string;
  readonly lane: string;
  readonly payload: Json;
  readonly attempts: number;
  readonly error: TaskFailure;
  readonly died_at: string;
}

export interface DeadLetterPage {
  readonly items: readonly DeadLetter[];
  readonly total: number;
  readonly next_cursor: string | null;
}

export interface RedriveAnswer {
  readonly redriven: number;
  readonly task_ids: readonly string[];
  readonly skipped: readonly { readonly task_id: string; readonly reason: string }[];
}

export interface EventLine {
  readonly id: string;
  readonly timestamp: string;
  readonly type: string;
  readonly level: string;
  readonly source: string;
  readonly message: string;
  readonly attributes: Json;
  readonly received_at: string;
  readonly correlation_id: string;
}

export interface EventPage {
  readonly items: readonly EventLine[];
  readonly next_cursor: string | null;
}

export interface Histogram {
  readonly from: string;
  readonly to: string;
  readonly interval_s: number;
  readonly keys: readonly string[];
  readonly buckets: readonly {
    readonly start: string;
    readonly total: number;
    readonly counts: Readonly<Record<string, number>>;
  }[];
}

export interface StoredFile {
  readonly file_id: string;
  readonly filename: string;
  readonly operation: string | null;
  readonly size: number | null;
  readonly declared_size: number | null;
  readonly uploaded: number;
  readonly sha256: string | null;
  readonly status: FileStatus;
  readonly progress: number | null;
  readonly attempts: number;
  readonly error: TaskFailure | null;
  readonly task_id: string | null;
  readonly result: { readonly name: string; readonly size: number; readonly url: string } | null;
  readonly summary: Json;
  readonly created_at: string;
}

export interface FilePage {
  readonly items: readonly StoredFile[];
  readonly next_cursor: string | null;
}

export interface Operation {
  readonly operation: string;
  readonly description: string;
}

export interface Schedule {
  readonly schedule_id: string;
  readonly name: string;
  readonly status: "active" | "paused" | "ended";
  readonly cron: string | null;
  readonly time_zone: string | null;
  readonly every: number | null;
  readonly task: { readonly task_type: string; readonly priority: number };
  readonly next_runs: readonly string[];
  readonly last_run_at: string | null;
  readonly problem: string | null;
}

export interface Limit {
  readonly scope: LimitScope;
  readonly name: string;
  readonly rate_per_second: number | null;
  readonly burst: number | null;
  readonly max_concurrent: number | null;
  readonly updated_at: string;
}

export interface Pause {
  readonly name: string;
  readonly paused_at: string;
  readonly reason: string | null;
  /** Null of a lane: its tasks are not parked, they stay where they are. */
  readonly parked: number | null;
}

export interface LedgerMinute {
  readonly minute: string;
  readonly accepted: number;
  readonly stored: number;
  readonly rejected: number;
  readonly deduplicated: number;
  readonly in_flight: number;
  readonly refused: number;
  readonly lost_messages: number;
  readonly difference: number;
}

export interface LedgerView {
  readonly is_even: boolean;
  readonly in_flight_messages: number;
  readonly lost_messages: number;
  readonly minutes: readonly LedgerMinute[];
}
