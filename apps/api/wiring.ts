import type { Blobs } from "@millrace/blobs";
import type { Health, Log, Metrics, Tracing } from "@millrace/observe";
import { readRequest, type Sql } from "@millrace/store";
import { AlertBoard } from "./alerts/alert-board.ts";
import type { Control } from "./control.ts";
import type { Dashboard } from "./dashboard/page-files.ts";
import { EventIntake, type EventSink } from "./events/intake.ts";
import { KnownKeys } from "./events/known-keys.ts";
import type { EventTail } from "./events-query/event-tail.ts";
import type { InFlight } from "./events-query/in-flight.ts";
import { QueryGate } from "./events-query/query-gate.ts";
import { createFileMetrics } from "./files/file-metrics.ts";
import type { LiveFiles } from "./files/live-files.ts";
import { UploadSlots } from "./files/upload-slots.ts";
import { createAccessTokens } from "./identity/access-tokens.ts";
import { Identities } from "./identity/identities.ts";
import { lookUpCredential } from "./identity/look-up.ts";
import { createPasswords, makeAbsentHash } from "./identity/passwords.ts";
import type { LiveTasks } from "./live/live-tasks.ts";
import type { Orders } from "./orders.ts";
import { OverviewBroadcast } from "./overview/broadcast.ts";
import { Overview } from "./overview/overview.ts";
import { type OverviewBus, overviewSources } from "./overview/sources.ts";
import type { FileRules, Ports } from "./ports.ts";
import { QueueCounts } from "./queues/queue-counts.ts";
import { type Dispatcher, Intake } from "./tasks/intake.ts";
import type { TaskRules } from "./tasks/read-task.ts";
import { createTaskMetrics } from "./tasks/task-metrics.ts";
import { UploadLocks, type UploadReleasing } from "./uploads/upload-locks.ts";
import type { Fleet } from "./workers/fleet.ts";
import { WorkerDesk } from "./workers/worker-desk.ts";

export interface Means {
  readonly log: Log;
  readonly metrics: Metrics;
  /** Absent: nothing is traced. */
  readonly tracing?: Tracing | undefined;
  readonly health: Health;
  readonly isMetricsPublic: boolean;
  readonly sql: Sql;
  readonly hotSql: Sql;
  readonly dispatcher: Dispatcher;
  readonly eventSink: EventSink;
  /** For queries by people: few connections, short statements. */
  readonly querySql: Sql;
  /** Queries of events that run at a time. */
  readonly queriesAtOnce: number;
  /** Called before each query for events; undefined: they run as everything else does. */
  readonly yieldQueries?: (() => Promise<void>) | undefined;
  /** Whether an index finds `q`: EVENT_SEARCH. */
  readonly isTextIndexed: boolean;
  readonly eventTail: EventTail;
  readonly eventsInFlight: () => Promise<InFlight>;
  readonly live: LiveTasks;
  readonly overviewBus: OverviewBus;
  /** Absent: nobody watches. */
  readonly alerts?: AlertBoard;
  readonly dashboard: Dashboard | null;
  readonly control: Control;
  readonly orders: Orders;
  readonly fleet: Fleet;
  readonly heartbeatS: number;
  readonly blobs: Blobs;
  readonly fileRules: FileRules;
  readonly liveFiles: LiveFiles;
  /** How api processes ask each other for an upload. */
  readonly uploadReleases: UploadReleasing;
  readonly draining: AbortSignal;
  readonly keepOpen: (request: Request) => void;
  /** Time-outs of tasks that name none, in seconds. */
  readonly timeoutS: TaskRules["timeoutS"];
  readonly jwtSecret: string;
  readonly nowMs: () => number;
  readonly addressOf: (request: Request) => string | undefined;
}

/** Puts together what the process was given and what is made of it. */
export function createPorts(means: Means): Ports {
  const { sql, log, nowMs, jwtSecret } = means;
  const accessTokens = createAccessTokens(jwtSecret, nowMs);
  const uploadSlots = new UploadSlots();
  const alerts = means.alerts ?? new AlertBoard({ written: () => [], unwritten: () => [], wallMs: nowMs });
  const sources = overviewSources({
    ...{ bus: means.overviewBus, sql, health: means.health },
    alerts: () => alerts.shown(),
  });
  const overview = new Overview({ sources, log, nowMs });
  const lookUpPorts = { sql, accessTokens, nowMs, log };
  return {
    ...means,
    alerts,
    eventIntake: new EventIntake(
      means.eventSink,
      means.metrics,
      new KnownKeys((part) => readRequest(sql, part)),
    ),
    eventQueries: new QueryGate(means.querySql, {
      atOnce: means.queriesAtOnce,
      beforeEach: means.yieldQueries,
    }),
    queueCounts: new QueueCounts(sql),
    workerDesk: new WorkerDesk({ ...means, sql: means.hotSql }),
    intake: new Intake({
      ...{ sql: means.hotSql, dispatcher: means.dispatcher, log },
      metrics: createTaskMetrics(means.metrics),
    }),
    taskRules: { timeoutS: means.timeoutS, nowMs, makeTaskId: () => Bun.randomUUIDv7() },
    overview,
    overviewBroadcast: new OverviewBroadcast(overview),
    uploadSlots,
    uploadLocks: new UploadLocks(means.uploadReleases),
    fileMetrics: createFileMetrics(means.metrics, uploadSlots),
    signingSecret: jwtSecret,
    accessTokens,
    passwords: createPasswords(makeAbsentHash()),
    identities: new Identities({ nowMs, lookUp: (credential) => lookUpCredential(lookUpPorts, credential) }),
  };
}
