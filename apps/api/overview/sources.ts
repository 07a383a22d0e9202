import {
  askParts,
  type Bus,
  followLive,
  hearPulses,
  openWorkersBucket,
  readBreakers,
  readLevelDepths,
  readToldPauses,
  WorkerRegistry,
} from "@millrace/bus";
import type { Health } from "@millrace/observe";
import type { AlertView } from "@millrace/protocol/overview";
import type { Sql } from "@millrace/store";
import { countOpen, countOwn, readHistory } from "@millrace/store/tasks/count-overview";
import { BUCKET_MS, HISTORY_MS } from "./history.ts";
import type { OverviewSources } from "./overview.ts";
import { RUN_TIME_SCALE } from "./run-times.ts";

/** What the overview learns from NATS. */
export type OverviewBus = Pick<
  OverviewSources,
  "readDepths" | "readPauses" | "readBreakers" | "askParts" | "followSteps" | "followDepth" | "workers"
>;

/** Answers that come later than this are for the next question. */
const ANSWER_MS_MAX = 400;

/** Resolves when the workers are known that were there already. */
export async function connectOverview(bus: Bus): Promise<OverviewBus> {
  const registry = new WorkerRegistry();
  await openWorkersBucket(bus);
  await registry.watch(bus);
  return {
    readDepths: () => readLevelDepths(bus),
    readPauses: async () => [...((await readToldPauses(bus)) ?? [])],
    readBreakers: async () => [...(await readBreakers(bus)).values()],
    askParts: () => askParts(bus, ANSWER_MS_MAX),
    followSteps: (handle) => followLive(bus, handle),
    followDepth: (handle) =>
      void hearPulses(bus, ({ facts = {} }) => {
        const { queue_pending: pending, queue_running: running } = facts;
        if (pending !== undefined && running !== undefined) handle({ pending, running });
      }),
    workers: () => registry.list(),
  };
}

export interface OverviewMeans {
  readonly bus: OverviewBus;
  readonly sql: Sql;
  readonly health: Health;
  readonly alerts: () => readonly AlertView[];
}

export function overviewSources({ bus, sql, health, alerts }: OverviewMeans): OverviewSources {
  return {
    ...bus,
    countOpen: () => countOpen(sql),
    countOwn: (ownerIds) => countOwn(sql, ownerIds),
    readHistory: () => readHistory(sql, { bucketMs: BUCKET_MS, spanMs: HISTORY_MS, scale: RUN_TIME_SCALE }),
    readiness: () => health.ready(),
    alerts,
  };
}
