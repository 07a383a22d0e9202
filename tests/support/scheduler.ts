import { DispatchPublisher, WorkerRegistry } from "@millrace/bus";
import { createLog, createMetrics, type Log } from "@millrace/observe";
import type { WorkerBeat } from "@millrace/protocol";
import { createSchedulerMetrics } from "@millrace/scheduler/metrics";
import type { SchedulerPorts } from "@millrace/scheduler/ports";
import { EndTeller } from "@millrace/store";
import { type BusUnderTest, startBus } from "./bus.ts";
import { openTaskStore, type TaskStore } from "./task-store.ts";

/** What a scheduler's duties need, on a real NATS and a real PostgreSQL; who works is what the test says. */
export interface SchedulerUnderTest {
  readonly ports: SchedulerPorts;
  readonly under: BusUnderTest;
  readonly store: TaskStore;
  readonly lines: LogLine[];
  /** Moves the clock by which workers fall silent. */
  advance(ms: number): void;
  close(): Promise<void>;
}

export type LogLine = Readonly<Record<string, unknown>>;

export function recordingLog(lines: LogLine[]): Log {
  return createLog({
    service: "scheduler",
    level: "DEBUG",
    format: "json",
    destination: { write: (line) => void lines.push(JSON.parse(line)), flush: () => {} },
  });
}

export async function startScheduler(): Promise<SchedulerUnderTest> {
  const [under, store] = await Promise.all([startBus(), openTaskStore()]);
  const lines: LogLine[] = [];
  const clock = { ms: 1_000_000 };
  const publisher = new DispatchPublisher(under.bus);
  return {
    under,
    store,
    lines,
    ports: {
      bus: under.bus,
      sql: store.sql,
      log: recordingLog(lines),
      registry: new WorkerRegistry(() => clock.ms),
      metrics: createSchedulerMetrics(createMetrics({ service: "scheduler" })),
      publisher,
      endTeller: new EndTeller({
        sql: store.sql,
        publish: (due) => publisher.publish(due.map(({ dispatch }) => ({ dispatch }))),
        tell: () => {},
        onFailure: () => {},
      }),
    },
    advance: (ms) => {
      clock.ms += ms;
    },
    close: async () => {
      await Promise.all([under.close(), store.close()]);
    },
  };
}

export function beatOf(workerId: string, session: string, heartbeatS = 2): WorkerBeat {
  return {
    worker_id: workerId,
    session,
    status: "active",
    capabilities: ["simulate"],
    max_concurrent_tasks: 10,
    current_tasks: [],
    started_at: "2026-01-01T00:00:00.000Z",
    last_heartbeat_at: "2026-01-01T00:00:00.000Z",
    heartbeat_interval: heartbeatS,
    system_info: { cpu_usage: 0, memory_usage: 0, disk_usage: 0 },
  };
}
