import type { Bus, DispatchPublisher, WorkerRegistry } from "@millrace/bus";
import type { Log, Tracing } from "@millrace/observe";
import type { EndTeller, Sql } from "@millrace/store";
import type { SchedulerMetrics } from "./metrics.ts";

/** What the duties need; `main.ts` wires it. */
export interface SchedulerPorts {
  readonly bus: Bus;
  readonly sql: Sql;
  readonly log: Log;
  readonly metrics: SchedulerMetrics;
  /** Undefined: nothing is traced. */
  readonly tracing?: Tracing | undefined;
  readonly publisher: Pick<DispatchPublisher, "publish" | "drain">;
  readonly registry: WorkerRegistry;
  readonly endTeller: Pick<EndTeller, "tellAll">;
}
