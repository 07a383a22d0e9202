import type { CounterMetric, HistogramMetric, Metrics } from "@millrace/observe";
import { isFileOperationName } from "@millrace/protocol/file-operations/index";

export interface FileMetrics {
  readonly threadEvents: CounterMetric<"kind">;
  readonly aloneRuns: CounterMetric<"end">;
  readonly bytes: CounterMetric<"direction">;
  observe(operation: string, outcome: string, seconds: number): void;
}

/** `counts`: those of the pool, as they are now. */
export function createFileMetrics(
  metrics: Metrics,
  counts: () => { readonly threads: number; readonly busy: number; readonly waiting: number },
): FileMetrics {
  metrics.gauge({
    name: "millrace_file_threads",
    help: "Threads for files, by state (busy, idle).",
    labels: ["state"],
    collect: (gauge) => {
      const { threads, busy } = counts();
      gauge.set({ state: "busy" }, busy);
      gauge.set({ state: "idle" }, threads - busy);
    },
  });
  metrics.gauge({
    name: "millrace_file_jobs_waiting",
    help: "Files that this worker has taken and that wait for a thread; more than none only after a thread was stopped.",
    collect: (gauge) => gauge.set({}, counts().waiting),
  });
  const durations: HistogramMetric<"operation" | "outcome"> = metrics.histogram({
    name: "millrace_file_duration_seconds",
    help: "How long attempts at files took, by operation and outcome (completed, failed).",
    labels: ["operation", "outcome"],
  });
  return {
    threadEvents: metrics.counter<"kind">({
      name: "millrace_file_threads_replaced_total",
      help: "What became of threads: killed with their job, died, recycled (too large a heap), stuck, failed.",
      labels: ["kind"],
    }),
    aloneRuns: metrics.counter<"end">({
      name: "millrace_file_runs_alone_total",
      help: "Files that ran in a process of their own because a worker or thread died with them, by end (done, failed, died).",
      labels: ["end"],
    }),
    bytes: metrics.counter<"direction">({
      name: "millrace_file_bytes_total",
      help: "Bytes of contents that were processed (in) and of results that were stored (out).",
      labels: ["direction"],
    }),
    observe: (operation, outcome, seconds) =>
      durations.observe(
        { operation: isFileOperationName(operation) ? operation : "other", outcome },
        seconds,
      ),
  };
}
