import type { Json } from "./types.ts";

export interface SystemInfo {
  /** Shares, 0 … 1; null is not known. */
  readonly cpu_usage?: number | null;
  readonly memory_usage?: number | null;
  readonly disk_usage?: number | null;
}

export interface WorkerInfo {
  readonly worker_id: string;
  /** `embedded`: the product's own. */
  readonly kind: "embedded" | "http";
  readonly status: "active" | "draining" | "unhealthy" | "dead";
  readonly capabilities: readonly string[];
  readonly max_concurrent_tasks: number;
  readonly running: number;
  /** Empty for whoever may not see them. */
  readonly current_tasks: readonly string[];
  readonly started_at: string;
  readonly last_heartbeat_at: string;
  readonly heartbeat_interval: number;
  readonly system_info: SystemInfo;
}

export interface WorkerRegistration {
  readonly worker_id: string;
  readonly capabilities: readonly string[];
  readonly max_concurrent_tasks: number;
  /** Seconds, 1 … 60. */
  readonly heartbeat_interval?: number;
  /** What this process calls itself: the same again is the same life of the worker. */
  readonly instance?: string;
}

export interface RegisteredWorker {
  readonly worker_id: string;
  readonly session: string;
  readonly heartbeat_interval: number;
  readonly lease_seconds: number;
  readonly serves: "all" | "own";
}

export interface WorkerHeartbeat {
  readonly status: "active" | "draining";
  readonly current_tasks: readonly string[];
  readonly system_info?: SystemInfo;
  readonly session?: string;
}

export interface HeartbeatAnswer {
  readonly drain: boolean;
  /** Tasks that were cancelled while this worker ran them. */
  readonly cancelled: readonly string[];
}

export interface LeasedTask<Payload = Json> {
  readonly task_id: string;
  readonly task_type: string;
  readonly payload: Payload;
  readonly attempt: number;
  readonly max_attempts: number;
  readonly priority: number;
  /** Seconds. */
  readonly timeout: number;
  readonly correlation_id: string;
  /** W3C trace context of this attempt; absent: its trace is not recorded. */
  readonly traceparent?: string;
  readonly tracestate?: string;
  readonly lease_token: string;
  readonly lease_expires_at: string;
}

export interface LeaseAnswer extends HeartbeatAnswer {
  readonly tasks: readonly LeasedTask[];
}

export interface LeaseEnd {
  readonly task_id: string;
  readonly attempt: number;
  /** `failed`: it is tried again, at `retry_at`. */
  readonly outcome: "completed" | "failed" | "dead";
  readonly retry_at: string | null;
}

export interface LeaseFailure {
  readonly code?: string;
  readonly message: string;
  /** False: no further attempt can succeed. */
  readonly retryable?: boolean;
  /** Seconds, in place of the task's back-off. */
  readonly retry_after?: number;
}

export interface LeaseProgress {
  readonly cancelled: boolean;
  readonly lease_expires_at: string | null;
}
