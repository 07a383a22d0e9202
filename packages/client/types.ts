import type { AskedLane, FieldProblem, Json, Lane, TaskPhase, TaskStatus } from "@millrace/core";

/** What travels, word for word: snake_case, times in RFC 3339 (UTC), durations in seconds unless the name says `_ms`. */
export type { AskedLane, FieldProblem, Json, Lane, TaskPhase, TaskStatus };

/** The bounds of the wait before another attempt. What is absent gets the server's default. */
export interface Backoff {
  readonly initial_ms?: number;
  /** 1 … 10. */
  readonly factor?: number;
  readonly max_ms?: number;
  /** True by default: a random wait up to the bound. False: the bound itself. */
  readonly jitter?: boolean;
}

/** One task at a time for a key of yours; another task type's key is another one. */
export interface Dedup {
  /** 1 to 200 printable ASCII characters. */
  readonly key: string;
  /** Seconds from when the first task was stored. Until that task is finished when absent. */
  readonly window_seconds?: number;
}

/** One task for a burst of submissions, which runs with the last one's payload. */
export interface Debounce {
  readonly key: string;
  /** It starts when no further submission came for so long. */
  readonly seconds: number;
  /** It starts no later than this after the first submission; 10 times `seconds` when absent. */
  readonly max_wait_seconds?: number;
}

/** What is asked for. Only `task_type` is needed. */
export interface TaskRequest {
  readonly task_type: string;
  /** Made here (UUIDv7) when absent, so that sending the request again changes nothing. */
  readonly task_id?: string;
  readonly payload?: Json;
  /** 1 (can wait) … 10 (most urgent). */
  readonly priority?: number;
  /** Ids of tasks that exist, or stand in the same batch. */
  readonly dependencies?: readonly string[];
  /** When a dependency does not complete: fail as well (when absent), or run all the same. */
  readonly on_parent_failure?: "fail" | "run";
  /** Seconds that one attempt may take. */
  readonly timeout?: number;
  /** By task type when absent. */
  readonly lane?: AskedLane;
  readonly max_attempts?: number;
  readonly backoff?: Backoff;
  /** Not before this time. */
  readonly run_at?: string;
  /** Not before this many seconds have passed. */
  readonly delay?: number;
  /** Seconds from when it is due: not started by then, it fails with EXPIRED. */
  readonly ttl?: number;
  /** When another task holds the key, that one is the answer, with `deduplicated`. */
  readonly dedup?: Dedup;
  /** Not together with dedup, run_at, delay, ttl or dependencies. */
  readonly debounce?: Debounce;
  readonly tenant?: string;
}

export interface TaskErrorWords {
  readonly code: string;
  readonly message: string;
}

export interface Task {
  readonly task_id: string;
  readonly task_type: string;
  readonly status: TaskStatus;
  readonly phase: TaskPhase;
  readonly priority: number;
  readonly lane: Lane;
  readonly payload: Json;
  readonly dependencies: readonly string[];
  readonly on_parent_failure: "fail" | "run";
  /** Seconds. */
  readonly timeout: number;
  readonly worker_id: string | null;
  /** Attempts that were started. */
  readonly attempts: number;
  readonly max_attempts: number;
  readonly backoff: Backoff;
  readonly tenant: string | null;
  readonly dedup: { readonly key: string; readonly window_seconds: number | null } | null;
  readonly debounce: Required<Debounce> | null;
  /** In the answer to a submission: this is another task, which holds the key; the one that was sent is not there. */
  readonly deduplicated?: true;
  /** Not started by then, it fails with EXPIRED. */
  readonly expires_at: string | null;
  /** 0 … 1. */
  readonly progress: number | null;
  readonly created_at: string;
  readonly run_at: string | null;
  readonly started_at: string | null;
  readonly completed_at: string | null;
  readonly next_attempt_at: string | null;
  readonly result: Json;
  readonly error: TaskErrorWords | null;
  readonly correlation_id: string;
}

export interface Attempt {
  readonly attempt: number;
  readonly status: "running" | "completed" | "failed" | "dead" | "cancelled" | "lost" | "returned";
  readonly worker_id: string | null;
  readonly started_at: string | null;
  readonly ended_at: string | null;
  /** When the next attempt may start, if there is one. */
  readonly retry_at: string | null;
  readonly result: Json;
  readonly error: TaskErrorWords | null;
  /** The end of what it wrote, when it ran alone because workers had died with the task. */
  readonly log: string | null;
}

/** What one task of a batch became, as if it had been sent alone: 201 new, 200 known already, 4xx refused. */
export interface BatchVerdict {
  /** Position in the request. */
  readonly index: number;
  readonly status: number;
  /** Null when it was refused and had none that could be read. */
  readonly task_id: string | null;
  /** Another task holds its key; `task_id` is that one's. */
  readonly deduplicated?: true;
  /** Set when it was refused. */
  readonly problem?: BatchProblem;
}

export interface BatchProblem {
  readonly code: string;
  readonly detail: string;
  readonly errors?: readonly FieldProblem[];
}

export interface BatchAnswer {
  readonly items: readonly BatchVerdict[];
  readonly accepted: number;
  readonly existing: number;
  readonly rejected: number;
}

export interface Page<T> {
  readonly items: readonly T[];
  /** Counted exactly up to 10 000; beyond, it stops there and `total_capped` is true. */
  readonly total: number;
  readonly total_capped: boolean;
  readonly limit: number;
  readonly offset: number;
  /** Null on the last page. */
  readonly next_cursor: string | null;
}

export interface TaskFilter {
  readonly status?: TaskStatus;
  readonly task_type?: string;
  readonly priority?: number;
  readonly limit?: number;
  readonly offset?: number;
  readonly cursor?: string;
}

export interface DeadLetter {
  readonly task_id: string;
  readonly task_type: string;
  readonly lane: Lane;
  readonly payload: Json;
  readonly attempts: number;
  readonly error: TaskErrorWords;
  readonly died_at: string;
}

/** A dead letter with the story of how it came to be one. */
export interface DeadLetterDetail extends DeadLetter {
  /** Every attempt with its error, first to last. */
  readonly history: readonly Attempt[];
}

export interface DeadLetterFilter {
  readonly task_type?: string;
  /** An error code, or a part of the message. */
  readonly error?: string;
  readonly limit?: number;
  readonly cursor?: string;
}

export interface DeadLetterPage {
  readonly items: readonly DeadLetter[];
  /** Of all dead letters, whatever the filter; counted up to 10 000. */
  readonly total: number;
  readonly limit: number;
  readonly next_cursor: string | null;
}

/** Which ones: by id, or by what they have in common; an empty filter means all. */
export type RedriveChoice =
  | { readonly task_ids: readonly string[] }
  | { readonly filter: { readonly task_type?: string; readonly error?: string } };

export interface RedriveOptions {
  /** At most so many. */
  readonly limit?: number;
  /** Their pace; 100 when absent. */
  readonly rate_per_second?: number;
  /** Merged into each payload (RFC 7396). */
  readonly payload_patch?: { readonly [key: string]: Json };
}

export type RedriveRequest = RedriveChoice & RedriveOptions;

export interface RedriveAnswer {
  readonly redriven: number;
  readonly task_ids: readonly string[];
  readonly skipped: readonly { readonly task_id: string; readonly reason: string }[];
}

export interface Readiness {
  readonly status: "ready" | "not_ready";
  readonly checks: Readonly<Record<string, { readonly status: "up" | "down"; readonly reason?: string }>>;
}
