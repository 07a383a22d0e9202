import type { Blobs } from "@millrace/blobs";
import type { Health, Log, Metrics, Tracing } from "@millrace/observe";
import type { FileQuota, Sql } from "@millrace/store";
import type { AlertBoard } from "./alerts/alert-board.ts";
import type { Control } from "./control.ts";
import type { Dashboard } from "./dashboard/page-files.ts";
import type { EventIntake } from "./events/intake.ts";
import type { EventTail } from "./events-query/event-tail.ts";
import type { InFlight } from "./events-query/in-flight.ts";
import type { QueryGate } from "./events-query/query-gate.ts";
import type { FileMetrics } from "./files/file-metrics.ts";
import type { LiveFiles } from "./files/live-files.ts";
import type { UploadSlots } from "./files/upload-slots.ts";
import type { AccessTokens } from "./identity/access-tokens.ts";
import type { Identities } from "./identity/identities.ts";
import type { Passwords } from "./identity/passwords.ts";
import type { LiveTasks } from "./live/live-tasks.ts";
import type { Orders } from "./orders.ts";
import type { OverviewBroadcast } from "./overview/broadcast.ts";
import type { Overview } from "./overview/overview.ts";
import type { QueueCounts } from "./queues/queue-counts.ts";
import type { Dispatcher, Intake } from "./tasks/intake.ts";
import type { TaskRules } from "./tasks/read-task.ts";
import type { UploadLocks } from "./uploads/upload-locks.ts";
import type { WorkerDesk } from "./workers/worker-desk.ts";

export interface FileRules {
  readonly quota: FileQuota;
  /** How long one attempt at processing a file may take: FILE_TIMEOUT. */
  readonly timeoutS: number;
}

/** All that routes and use cases may reach. `wiring.ts` fills it; tests put in what they want to watch. */
export interface Ports {
  readonly log: Log;
  readonly metrics: Metrics;
  /** Undefined: nothing is traced. */
  readonly tracing?: Tracing | undefined;
  readonly health: Health;
  /** False: `/metrics` does not exist. */
  readonly isMetricsPublic: boolean;
  readonly sql: Sql;
  /** For the steps of a task's life, which find their rows by key. */
  readonly hotSql: Sql;
  readonly dispatcher: Dispatcher;
  readonly intake: Intake;
  /** The way of events into their stream. */
  readonly eventIntake: EventIntake;
  /** The way of queries for events, apart from everything else. */
  readonly eventQueries: QueryGate;
  /** Whether an index finds `q`. */
  readonly isTextIndexed: boolean;
  readonly eventTail: EventTail;
  readonly eventsInFlight: () => Promise<InFlight>;
  readonly taskRules: TaskRules;
  readonly control: Control;
  readonly orders: Orders;
  readonly queueCounts: QueueCounts;
  readonly live: LiveTasks;
  /** Workers that speak HTTP. */
  readonly workerDesk: WorkerDesk;
  /** How often a worker beats that does not say: HEARTBEAT_INTERVAL. */
  readonly heartbeatS: number;
  /** The state behind the dashboard, and its streams. */
  readonly overview: Overview;
  readonly overviewBroadcast: OverviewBroadcast;
  /** Null: none was built. */
  readonly alerts: AlertBoard;
  readonly dashboard: Dashboard | null;
  /** The bytes of files and results. */
  readonly blobs: Blobs;
  readonly fileRules: FileRules;
  readonly liveFiles: LiveFiles;
  /** Uploads whose bytes this process takes in. */
  readonly uploadSlots: UploadSlots;
  /** Resumable uploads: one request at a time for each, over all api processes. */
  readonly uploadLocks: UploadLocks;
  readonly fileMetrics: FileMetrics;
  /** Aborts when the process is told to stop: streams end, so that clients go elsewhere. */
  readonly draining: AbortSignal;
  /** Takes the idle time-out off a request that is answered with a stream. */
  readonly keepOpen: (request: Request) => void;
  readonly identities: Identities;
  readonly accessTokens: AccessTokens;
  readonly passwords: Passwords;
  /** Signs access tokens and derives the successors of refresh tokens. */
  readonly signingSecret: string;
  /** Epoch milliseconds. */
  readonly nowMs: () => number;
  /** The client's address as the server sees it; undefined when there is no socket. */
  readonly addressOf: (request: Request) => string | undefined;
}
