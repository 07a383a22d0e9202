import { readdirSync } from "node:fs";
import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import manifest from "./package.json" with { type: "json" };

/** How often it is looked whether timers are late: ten times a second costs 0.02 % of a core, and finds every stall of a second. */
const LOOK_MS = 100;
const DELAY_BUCKETS_S = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5] as const;

/**
 * What prom-client collects by default, reduced to what is true on Bun. Left out, after a look at each on Bun 1.4.5:
 * `nodejs_active_*` (always 0), `nodejs_heap_space_*` (V8's spaces; 0 but for one), `nodejs_gc_duration_seconds` (never
 * observed), `nodejs_version_info` (Node's version, not Bun's), `process_heap_bytes` and `process_virtual_memory_bytes`
 * (6.7 GB of reserved address space in an idle process).
 */
export function registerProcessMetrics(registry: Registry): void {
  const registers = [registry];
  registerCpu(registers);
  registerBuild(registers);
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

/**
 * Late timers mean that something holds the thread: every request and every heartbeat waits as long. A histogram, since
 * quantiles of several processes, or of other times than a scrape's, cannot be computed from quantiles.
 */
function registerEventLoop(registers: Registry[]): void {
  const delays = new Histogram({
    name: "millrace_event_loop_delay_seconds",
    help: "How late a timer was that is set ten times a second.",
    buckets: [...DELAY_BUCKETS_S],
    registers,
  });
  let dueMs = performance.now() + LOOK_MS;
  setInterval(() => {
    const nowMs = performance.now();
    delays.observe(Math.max(0, nowMs - dueMs) / 1_000);
    dueMs = nowMs + LOOK_MS;
  }, LOOK_MS).unref(); // It does not keep the process alive.
}

function registerBuild(registers: Registry[]): void {
  new Gauge({
    name: "millrace_build_info",
    help: "Always 1; the labels say what runs.",
    labelNames: ["version", "bun"],
    registers,
  }).set({ version: manifest.version, bun: Bun.version }, 1);
}
