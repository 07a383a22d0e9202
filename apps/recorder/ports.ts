import type { Bus } from "@millrace/bus";
import type { Log, Tracing } from "@millrace/observe";
import type { Sql } from "@millrace/store";
import type { EventDays } from "./event-days.ts";
import type { RecorderMetrics } from "./metrics.ts";
import type { Progress } from "./progress.ts";

/** What the recorder and its duties need; `main.ts` wires it. */
export interface RecorderPorts {
  readonly bus: Bus;
  readonly sql: Sql;
  /** For statements that may take minutes. */
  readonly upkeepSql: Sql;
  readonly log: Log;
  readonly metrics: RecorderMetrics;
  readonly days: EventDays;
  readonly progress: Progress;
  /** Undefined: nothing is traced. */
  readonly tracing?: Tracing | undefined;
}
