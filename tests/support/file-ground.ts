import { expect } from "bun:test";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { Blobs } from "@millrace/blobs";
import type { AttemptOutcome, Json } from "@millrace/core";
import { createMetrics } from "@millrace/observe";
import { contentKey, type FileTask } from "@millrace/protocol/file-operations/index";
import { startFiles } from "@millrace/worker/files/start-files";
import type { TaskContext } from "@millrace/worker/task-type";
import fileProcess from "@millrace/worker/tasks/file-process";
import { newBlobs, type Storage } from "./blobs.ts";
import { recordingLog } from "./scheduler.ts";
import { scratch } from "./scratch.ts";
import { taskContext } from "./task-context.ts";

const THREADS = join(import.meta.dirname, "hostile-file-thread.ts");

/** What a worker needs for files, with threads that obey `hostile-file-thread.ts`, and no queue around it. */
export interface FileGround {
  readonly blobs: Blobs;
  /** Losses that the database would tell, by task. */
  readonly losses: Map<string, number>;
  /** A file's content, stored, and the payload of its task. */
  store(
    content: string | Uint8Array,
    given?: Partial<Omit<FileTask, "options">> & GivenOptions,
  ): Promise<FileTask>;
  /** Runs one attempt; with `blobs`, on a storage that behaves otherwise. */
  run(task: FileTask, context?: Partial<TaskContext>, blobs?: Blobs): Promise<AttemptOutcome>;
  busyThreads(): number;
  /** Temporary files that lie there at this moment. */
  leftovers(): Promise<readonly string[]>;
  stop(): Promise<void>;
}

interface GivenOptions {
  readonly options?: Json;
}

export async function startFileGround(kind: Storage["kind"]): Promise<FileGround> {
  const scratchRoot = (await scratch()).folder("worker");
  const blobs = await newBlobs(kind);
  const losses = new Map<string, number>();
  const files = await startFiles({
    ...{ blobs, threads: 2, scratchRoot, threadModule: THREADS },
    log: recordingLog([]),
    metrics: createMetrics({ service: "worker" }),
    countLosses: async (taskId) => losses.get(taskId) ?? 0,
  });
  return {
    blobs,
    losses,
    store: (content, given = {}) => store(blobs, content, given),
    run: async (task, context = {}, otherBlobs = blobs) => {
      const type = fileProcess({
        egress: { allowLoopback: false, allow: [], denyPorts: [] },
        allowCrash: false,
        files: { ...files.ports, blobs: otherBlobs },
      });
      if (type === null) throw new Error("no task type");
      return await type.run(taskContext({ ...task }, { taskId: task.file_id, ...context }));
    },
    busyThreads: () => files.ports.pool.counts.busy,
    leftovers: async () => {
      const entries = await readdir(scratchRoot, { recursive: true, withFileTypes: true });
      const names = entries.filter((entry) => entry.isFile()).map((entry) => entry.name);
      return names.filter((name) => !name.includes(".lock"));
    },
    stop: () => files.stop(),
  };
}

async function store(
  blobs: Blobs,
  content: string | Uint8Array,
  given: Partial<FileTask>,
): Promise<FileTask> {
  const fileId = Bun.randomUUIDv7();
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  const { sha256 } = await blobs.write(contentKey(fileId), once(bytes), { bytesMax: bytes.length });
  return {
    ...{ file_id: fileId, owner_id: 1, operation: "uppercase", options: {}, filename: "report.txt" },
    ...{ content_key: contentKey(fileId), size: bytes.length, sha256 },
    ...given,
  };
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

export const failure = (code: string, isRetryable: boolean) => ({
  kind: "failed" as const,
  error: { code, message: expect.any(String) },
  isRetryable,
});
