import { readdirSync } from "node:fs";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { Counter, Gauge, type Registry } from "prom-client";

const QUANTILES = [0.5, 0.9, 0.99] as const;
const NANOSECONDS_PER_SECOND = 1e9;

/**
 * What prom-client collects by default, reduced to what is true on Bun. Left out, after a look at each on Bun 1.4.5:
 * `nodejs_active_*` (always 0), `nodejs_heap_space_*` (V8's spaces; 0 but for one), `nodejs_gc_duration_seconds` (never
 * observed), `nodejs_version_info` (Node's version, not Bun's), `process_heap_bytes` and `process_virtual_memory_bytes`
 * (6.7 GB of reserved address space in an idle process).
 */
export function registerProcessMetrics(registry: Registry): void {
  const registers = [registry];
  registerCpu(registers);
  registerEventLoop(registers);
  new Gauge({
    name: "process_resident_memory_bytes",
    help: "Resident memory.",
    registers,
    collect() {
      this.set(process.memoryUsage.rss());
    },
  });
  new Gauge({
    name: "process_start_time_seconds",
    help: "When the process started, in seconds since 1970.",
    registers,
  }).set((Date.now() - performance.now()) / 1000);
  if (process.platform !== "linux") return;
  new Gauge({
    name: "process_open_fds",
    help: "Open file descriptors.",
    registers,
    collect() {
      // One less: reading the folder opens it.
      this.set(readdirSync("/proc/self/fd").length - 1);
    },
  });
}

function registerCpu(registers: Registry[]): void {
  let counted = { user: 0, system: 0 };
  new Counter({
    name: "process_cpu_seconds_total",
    help: "CPU time since the start of the process.",
    labelNames: ["mode"],
    registers,
    collect() {
      const used = process.cpuUsage();
      this.inc({ mode: "user" }, Math.max(0, used.user - counted.user) / 1e6);
      this.inc({ mode: "system" }, Math.max(0, used.system - counted.system) / 1e6);
      counted = used;
    },
  });
}

/** Late timers mean that something holds the thread: every request and every heartbeat waits as long. */
function registerEventLoop(registers: Registry[]): void {
  const delay = monitorEventLoopDelay({ resolution: 20 });
  delay.enable(); // Its timer does not keep the process alive.
  new Gauge({
    name: "millrace_event_loop_lag_seconds",
    help: "How late timers were since the last scrape; quantile 1 is the maximum.",
    labelNames: ["quantile"],
    registers,
    collect() {
      for (const quantile of QUANTILES)
        this.set({ quantile: String(quantile) }, delay.percentile(quantile * 100) / NANOSECONDS_PER_SECOND);
      this.set({ quantile: "1" }, delay.max / NANOSECONDS_PER_SECOND);
      delay.reset();
    },
  });
}
