import type { GaugeMetric, Metrics } from "@millrace/observe";
import type { LevelCount } from "@millrace/store";
import { countLevels } from "@millrace/store/queues/count-queues";
import { listPauses } from "@millrace/store/queues/pauses";
import { readServerLoad, type ServerLoad } from "@millrace/store/server-load";
import { countOpen, type OpenCounts } from "@millrace/store/tasks/count-overview";
import type { SchedulerPorts } from "./ports.ts";

/** How often it looks. */
export const MEASURE_EVERY_MS = 15_000;

export interface StoreGauges {
  readonly levels: GaugeMetric<"lane" | "priority" | "state">;
  readonly oldest: GaugeMetric<"lane" | "priority">;
  readonly open: GaugeMetric<"state">;
  readonly dead: GaugeMetric<never>;
  readonly transaction: GaugeMetric<never>;
  readonly connections: GaugeMetric<"application" | "state">;
  readonly connectionsMax: GaugeMetric<never>;
}

export function createStoreGauges(metrics: Metrics): StoreGauges {
  return {
    levels: metrics.gauge({
      name: "millrace_queue_tasks",
      help: "Tasks by lane, priority and state: waiting (due ones included), due, running. Counted up to a bound.",
      labels: ["lane", "priority", "state"],
    }),
    oldest: metrics.gauge({
      name: "millrace_queue_oldest_age_seconds",
      help: "For how long the task that is due longest has been so; 0 when none is.",
      labels: ["lane", "priority"],
    }),
    open: metrics.gauge({
      name: "millrace_open_tasks",
      help: "Tasks that have not ended, by state: waiting (for parents), scheduled, queued, retry_wait, running. Counted up to a bound.",
      labels: ["state"],
    }),
    dead: metrics.gauge({
      name: "millrace_dead_letters",
      help: "Dead letters that nobody has redriven or removed. Counted up to a bound.",
    }),
    transaction: metrics.gauge({
      name: "millrace_postgres_oldest_transaction_seconds",
      help: "Age of the oldest transaction; rows that it might still see cannot be cleaned up.",
    }),
    connections: metrics.gauge({
      name: "millrace_postgres_connections",
      help: "Connections to the database, by application and state.",
      labels: ["application", "state"],
    }),
    connectionsMax: metrics.gauge({
      name: "millrace_postgres_connections_limit",
      help: "Connections that the server takes.",
    }),
  };
}

export interface Measured {
  readonly levels: readonly LevelCount[];
  readonly open: OpenCounts;
  readonly load: ServerLoad;
  /** Lanes of which nothing is started. */
  readonly pausedLanes: readonly string[];
}

/**
 * Looks at the queue and at the server, for the gauges and for the alerts: five statements of bounded cost, so that
 * neither a scrape nor an alert asks the database. Every scheduler looks for itself; take the largest.
 */
export async function measure({ sql }: Pick<SchedulerPorts, "sql">, gauges: StoreGauges): Promise<Measured> {
  const levels = await countLevels(sql);
  const open = await countOpen(sql);
  const load = await readServerLoad(sql);
  const pauses = await listPauses(sql);
  showLevels(levels, gauges);
  const { waiting, scheduled, queued, retryWait: retry_wait, running } = open;
  for (const [state, count] of Object.entries({ waiting, scheduled, queued, retry_wait, running }))
    gauges.open.set({ state }, count);
  gauges.dead.set({}, open.deadLetters);
  gauges.transaction.set({}, load.oldestTransactionS);
  gauges.connections.clear();
  for (const { application, state, count } of load.connections)
    gauges.connections.set({ application, state }, count);
  gauges.connectionsMax.set({}, load.connectionsMax);
  const pausedLanes = pauses.filter(({ isLane }) => isLane).map(({ name }) => name);
  return { levels, open, load, pausedLanes };
}

function showLevels(levels: readonly LevelCount[], gauges: StoreGauges): void {
  for (const { lane, priority: number, waiting, due, running, oldestAgeS } of levels) {
    const priority = String(number);
    gauges.levels.set({ lane, priority, state: "waiting" }, waiting);
    gauges.levels.set({ lane, priority, state: "due" }, due);
    gauges.levels.set({ lane, priority, state: "running" }, running);
    gauges.oldest.set({ lane, priority }, oldestAgeS ?? 0);
  }
}
