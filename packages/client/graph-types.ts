import type { TaskPhase, TaskStatus } from "./types.ts";

/** The task with what depends on it, or with everything that is connected with it. */
export type GraphScope = "subtree" | "graph";

export interface GraphNode {
  readonly task_id: string;
  readonly task_type: string;
  readonly status: TaskStatus;
  readonly phase: TaskPhase;
  readonly attempts: number;
  readonly max_attempts: number;
  /** Parents that have not ended yet. */
  readonly waiting_for: number;
  readonly on_parent_failure: "fail" | "run";
  readonly error_code: string | null;
}

export interface TaskGraph {
  readonly nodes: readonly GraphNode[];
  /** `to` depends on `from`. */
  readonly edges: readonly { readonly from: string; readonly to: string }[];
  /** True: there are more, further off. */
  readonly truncated: boolean;
}

export interface GraphAction {
  readonly task_id: string;
  readonly scope: GraphScope;
  /** Tasks that were looked at. */
  readonly nodes: number;
  /** Tasks that were cancelled, or brought back. */
  readonly changed: number;
  /** True: the graph has more tasks than one call takes. */
  readonly truncated: boolean;
}
