import type { Metrics } from "./metrics.ts";

/** What a process knows about its connection to NATS. */
export interface NatsState {
  isConnected(): boolean;
  /** How often it came back since the process began. */
  reconnects(): number;
}

export function registerNatsMetrics(metrics: Metrics, state: NatsState): void {
  metrics.gauge({
    name: "millrace_nats_connected",
    help: "Whether the connection to NATS stands (1) or is being made again (0).",
    collect: (gauge) => gauge.set({}, state.isConnected() ? 1 : 0),
  });
  metrics.counter({
    name: "millrace_nats_reconnects_total",
    help: "How often the connection to NATS came back.",
    collect: () => state.reconnects(),
  });
}
