import type { Blobs } from "@millrace/blobs";
import type { Log, Metrics } from "@millrace/observe";
import { createFileMetrics, type FileMetrics } from "./file-metrics.ts";
import { type FilePool, startFilePool, THREAD_MODULE } from "./process-file.ts";
import { ScratchFolder } from "./scratch-folder.ts";

/** What the tasks of files need. */
export interface FilePorts {
  readonly blobs: Blobs;
  readonly pool: FilePool;
  readonly scratch: ScratchFolder;
  readonly metrics: FileMetrics;
  /** The thread's module. */
  readonly threadModule: string;
  /** How many attempts of a task ended together with the worker or the thread that ran them. */
  countLosses(taskId: string): Promise<number>;
}

export interface Files {
  readonly ports: FilePorts;
  /** Resolves when no thread runs any more. Whoever is in a hurry aborts the attempts first. */
  stop(): Promise<void>;
}

export interface FilesOptions extends Pick<FilePorts, "blobs" | "countLosses"> {
  /** MAX_FILE_WORKERS, at least 1. */
  readonly threads: number;
  /** The folder in which each worker of this machine has one for its temporary files. */
  readonly scratchRoot: string;
  readonly log: Log;
  readonly metrics: Metrics;
  /** See `FilePoolOptions`. */
  readonly threadModule?: string;
}

/** Starts the threads; resolves when each has loaded its module, so that the first file does not wait for that. */
export async function startFiles(options: FilesOptions): Promise<Files> {
  const { blobs, countLosses, threads, log, threadModule = THREAD_MODULE } = options;
  const scratch = await ScratchFolder.open(options.scratchRoot);
  const metrics = createFileMetrics(options.metrics, () => pool?.counts ?? { threads, busy: 0, waiting: 0 });
  let pool: FilePool | undefined;
  try {
    pool = await startFilePool({
      threads,
      threadModule,
      onThread: ({ kind, reason }) => {
        metrics.threadEvents.add({ kind });
        log.warning("a thread for files is replaced", { kind, reason });
      },
    });
  } catch (error) {
    await scratch.close();
    throw error;
  }
  const started = pool;
  return {
    ports: { blobs, pool: started, scratch, metrics, threadModule, countLosses },
    stop: async () => {
      await started.stop();
      await scratch.close();
    },
  };
}
