import type { Bus, Delivery, DispatchPublisher, PauseBoard } from "@millrace/bus";
import type { Random } from "@millrace/core";
import type { Log, Tracing } from "@millrace/observe";
import type { Dispatch, LiveTask } from "@millrace/protocol";
import type { EndTeller, Settlement, Sql } from "@millrace/store";
import type { Attempts } from "./attempts.ts";
import type { Guards } from "./guards/guards.ts";
import type { Holdings } from "./guards/holdings.ts";
import type { WorkerMetrics } from "./metrics.ts";
import type { ParkingPlace } from "./park.ts";
import type { Quarantine } from "./quarantine/quarantine.ts";
import type { RunningAttempts } from "./running.ts";
import type { SelfAudit } from "./self-audit.ts";
import type { Shelf } from "./shelve.ts";
import type { Starts } from "./starts.ts";
import type { TaskLog, TaskType } from "./task-type.ts";
import type { TenantTurns } from "./tenant-turns.ts";

/** An attempt whose outcome is committed. */
export interface Settled {
  readonly delivery: Delivery;
  readonly dispatch: Dispatch;
  readonly settlement: Settlement;
  readonly readyAt: Date | null;
}

/** What the steps of a delivery need; `worker.ts` wires it. */
export interface WorkerPorts {
  readonly bus: Bus;
  readonly sql: Sql;
  readonly log: Log;
  readonly metrics: WorkerMetrics;
  /** Undefined: nothing is traced. */
  readonly tracing?: Tracing | undefined;
  /** This life of this worker, as it stands in claims. */
  readonly session: string;
  readonly types: ReadonlyMap<string, TaskType>;
  readonly attempts: Attempts;
  /** Those that are about to. */
  readonly starts: Pick<Starts, "begin">;
  /** What may not start now. */
  readonly pauses: Pick<PauseBoard, "isTypePaused">;
  readonly parking: Pick<ParkingPlace, "park">;
  /** Breakers and limits, and where what they hold back is parked. */
  readonly guards: Guards;
  readonly holdings: Pick<Holdings, "hold">;
  readonly quarantine: Pick<Quarantine, "concerns" | "enter" | "leave" | "run">;
  /** Whose task a free slot gets. */
  readonly turns: Pick<TenantTurns, "concern" | "noteShared" | "next" | "nextOfSame">;
  readonly shelf: Pick<Shelf, "shelve">;
  readonly publisher: DispatchPublisher;
  readonly running: RunningAttempts;
  readonly audit: SelfAudit;
  /** To be nudged when a task with children has ended. */
  readonly endTeller: Pick<EndTeller, "nudge">;
  readonly random: Random;
  timeoutMsOf(dispatch: Dispatch): number;
  taskLog(dispatch: Dispatch): TaskLog;
  tell(dispatch: Dispatch, change: Omit<LiveTask, "seq" | "task_id" | "attempt">): void;
  tellProgress(dispatch: Dispatch, progress: number, note: string | undefined): void;
  flushLive(): void;
  followUp(settled: Settled): Promise<void>;
  /** Lets it go on beside the next task; the drain waits for it. */
  background(work: Promise<void>): void;
}
