/** Where the circuit breaker of a host stands. */
export interface BreakerInfo {
  /** Scheme, name and port of the host. */
  readonly origin: string;
  readonly state: "closed" | "open" | "half_open" | "closing" | "forced_open" | "forced_closed";
  readonly since: string;
  readonly openings: number;
  readonly reason: string | null;
  /** When it is open: the first moment at which a call may try whether the host is back. */
  readonly probe_at: string | null;
  readonly probe: string | null;
  readonly lease_until: string | null;
  readonly forced_by: string | null;
  /** In lists: tasks that wait for it, counted up to a bound. */
  readonly parked?: number;
  /** When it was steered: workers that do not go by it yet. */
  readonly pending?: readonly string[];
}

export interface LimitWish {
  readonly scope: "host" | "type" | "tenant";
  /** A host's origin, a task type, a tenant. */
  readonly name: string;
  /** Starts per second, over all workers. */
  readonly rate_per_second?: number;
  /** Starts at once after a pause; what one second brings when absent. */
  readonly burst?: number;
  /** Runs at once, over all workers. */
  readonly max_concurrent?: number;
}

export interface LimitInfo extends Pick<LimitWish, "scope" | "name"> {
  readonly rate_per_second: number | null;
  readonly burst: number | null;
  readonly max_concurrent: number | null;
  readonly updated_at: string;
  /** When it was set: workers that do not go by it yet. */
  readonly pending?: readonly string[];
}

/** Why a task is not further than it is. */
export interface TaskWhy {
  readonly task_id: string;
  readonly status: string;
  readonly phase: string;
  /** Stable: `dependencies`, `lane_position`, `tenant_turn`, `breaker`, `limit`, `no_worker` … */
  readonly reason: string;
  /** One sentence for people. */
  readonly summary: string;
  readonly details: Readonly<Record<string, unknown>>;
  readonly checked_at: string;
}
