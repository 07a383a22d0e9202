import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { Blobs } from "@millrace/blobs";
import { type AttemptOutcome, Fault, type Json } from "@millrace/core";
import { createMetrics } from "@millrace/observe";
import {
  contentKey,
  decodeFileResult,
  type FileTask,
  resultKey,
} from "@millrace/protocol/file-operations/index";
import { type Files, startFiles } from "@millrace/worker/files/start-files";
import type { TaskContext } from "@millrace/worker/task-type";
import fileProcess from "@millrace/worker/tasks/file-process";
import { contentOf, KINDS, newBlobs } from "../../../support/blobs.ts";
import { untilTrue } from "../../../support/running-stack.ts";
import { recordingLog } from "../../../support/scheduler.ts";
import { scratch } from "../../../support/scratch.ts";
import { taskContext } from "../../../support/task-context.ts";

const THREADS = join(import.meta.dirname, "../../../support/hostile-file-thread.ts");
const DONE_MS = 30_000;

interface Ground {
  readonly files: Files;
  readonly blobs: Blobs;
  readonly scratchRoot: string;
}

const losses = new Map<string, number>();
const started: Files[] = [];
afterAll(async () => {
  for (const files of started) await files.stop();
});

async function newGround(kind: (typeof KINDS)[number]): Promise<Ground> {
  const scratchRoot = (await scratch()).folder("worker");
  const blobs = await newBlobs(kind);
  const files = await startFiles({
    blobs,
    threads: 2,
    scratchRoot,
    log: recordingLog([]),
    metrics: createMetrics({ service: "worker" }),
    countLosses: async (taskId) => losses.get(taskId) ?? 0,
    threadModule: THREADS,
  });
  started.push(files);
  return { files, blobs, scratchRoot };
}

let local: Ground;
beforeAll(async () => {
  local = await newGround("local");
}, DONE_MS);

/** Nothing that a run needed is left, however it ended. */
afterEach(async () => {
  await untilTrue(async () => (await leftIn(local)).length === 0, DONE_MS, "an empty scratch folder");
});

async function leftIn({ scratchRoot }: Ground): Promise<readonly string[]> {
  const names = await readdir(scratchRoot, { recursive: true, withFileTypes: true });
  return names.filter((entry) => entry.isFile() && !entry.name.includes(".lock")).map((entry) => entry.name);
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

interface Given extends Partial<Omit<FileTask, "options">> {
  readonly options?: Json;
  readonly context?: Partial<TaskContext>;
}

async function store(blobs: Blobs, content: string | Uint8Array, given: Given = {}): Promise<FileTask> {
  const fileId = Bun.randomUUIDv7();
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  const { sha256 } = await blobs.write(contentKey(fileId), once(bytes), { bytesMax: 1e9 });
  const { context: _, ...rest } = given;
  return {
    file_id: fileId,
    owner_id: 1,
    operation: "uppercase",
    options: {},
    content_key: contentKey(fileId),
    filename: "report.txt",
    size: bytes.length,
    sha256,
    ...rest,
  };
}

function start(ground: Ground, task: FileTask, context: Partial<TaskContext> = {}): Promise<AttemptOutcome> {
  const type = fileProcess({
    egress: { allowLoopback: false, allow: [], denyPorts: [] },
    allowCrash: false,
    files: ground.files.ports,
  });
  if (type === null) throw new Error("no task type");
  return type.run(taskContext({ ...task }, { taskId: task.file_id, ...context }));
}

async function run(content: string | Uint8Array, given: Given = {}): Promise<AttemptOutcome> {
  return await start(local, await store(local.blobs, content, given), given.context);
}

const failure = (code: string, isRetryable: boolean) => ({
  kind: "failed" as const,
  error: { code, message: expect.any(String) },
  isRetryable,
});

describe.each(KINDS)("with files in %s", (kind) => {
  test(
    "the result is stored under the attempt, and described",
    async () => {
      const ground = kind === "local" ? local : await newGround(kind);
      const task = await store(ground.blobs, "straße\n");
      const outcome = await start(ground, task, { attempt: 4 });
      if (outcome.kind !== "completed") throw new Error(JSON.stringify(outcome));
      const key = resultKey(task.file_id, 4);
      const bytes = await contentOf(ground.blobs, key);
      expect(new TextDecoder().decode(bytes)).toBe("STRASSE\n");
      expect(decodeFileResult(outcome.result)).toEqual({
        result: {
          key,
          name: "report.uppercase.txt",
          content_type: "text/plain; charset=utf-8",
          size: 8,
          sha256: new Bun.CryptoHasher("sha256").update("STRASSE\n").digest("hex"),
        },
        summary: { bytes_in: 8, bytes_out: 8 },
        duration_ms: expect.any(Number),
      });
      expect(await leftIn(ground)).toEqual([]);
    },
    DONE_MS,
  );

  test(
    "a content of several pieces arrives whole",
    async () => {
      const ground = kind === "local" ? local : await newGround(kind);
      const text = "a line that ends at no piece's end\n".repeat(170_000);
      const task = await store(ground.blobs, text, {
        operation: "checksum",
        options: { algorithms: ["sha256"] },
      });
      const sha256 = new Bun.CryptoHasher("sha256").update(text).digest("hex");
      expect(await start(ground, task)).toMatchObject({ kind: "completed", result: { summary: { sha256 } } });
    },
    DONE_MS,
  );

  test(
    "content that was deleted meanwhile is a failure that is not retried",
    async () => {
      const ground = kind === "local" ? local : await newGround(kind);
      const task = await store(ground.blobs, "a");
      await ground.blobs.remove(task.content_key);
      expect(await start(ground, task)).toEqual(failure("CONTENT_MISSING", false));
    },
    DONE_MS,
  );
});

describe("what is wrong with a file or its task is said, and not tried again", () => {
  test.each<[string, string, Given]>([
    ["INPUT_INVALID", "a,b\n1,2,3\n", { operation: "csv-profile" }],
    ["INPUT_INVALID", "", { operation: "thumbnail" }],
    ["PAYLOAD_INVALID", "a", { operation: "no-such" }],
    ["PAYLOAD_INVALID", "a", { operation: "gzip", options: { level: 99 } }],
    ["PAYLOAD_INVALID", "a", { content_key: contentKey("another") }],
    ["PAYLOAD_INVALID", "a", { context: { taskId: "another" } }],
    ["CONTENT_DAMAGED", "abc", { size: 4 }],
  ])("%s", async (code, content, given) => {
    expect(await run(content, given)).toEqual(failure(code, false));
  });
});

test("a file without bytes is a file", async () => {
  expect(await run("")).toMatchObject({ kind: "completed", result: { result: { size: 0 } } });
  expect(await run("", { operation: "text-stats" })).toMatchObject({
    kind: "completed",
    result: { summary: { lines: 0 } },
  });
});

describe("stopping", () => {
  const reason = new Error("the test wants it");

  test(
    "a file that computes for ever is stopped, and the reason comes through",
    async () => {
      const abort = new AbortController();
      const ended = run("!loop\n", { context: { signal: abort.signal } });
      await untilTrue(() => local.files.ports.pool.counts.busy === 1, DONE_MS, "a busy thread");
      abort.abort(reason);
      expect(await ended.catch((error: unknown) => error)).toBe(reason);
      expect(local.files.ports.pool.counts.busy).toBe(0);
      expect(await run("and the next one runs")).toMatchObject({ kind: "completed" });
    },
    DONE_MS,
  );

  test(
    "so is one that runs alone, with its process",
    async () => {
      const abort = new AbortController();
      const task = await store(local.blobs, `!wait /no/such/file\n`);
      losses.set(task.file_id, 1);
      const seen = Promise.withResolvers<void>();
      const context = { attempt: 2, signal: abort.signal, reportProgress: () => seen.resolve() };
      const ended = start(local, task, context);
      await seen.promise;
      abort.abort(reason);
      expect(await ended.catch((error: unknown) => error)).toBe(reason);
    },
    DONE_MS,
  );

  test("nothing is stored of an attempt that was aborted before it began", async () => {
    const task = await store(local.blobs, "a");
    const context = { signal: AbortSignal.abort(reason) };
    expect(await start(local, task, context).catch((error: unknown) => error)).toBe(reason);
    expect(await local.blobs.stat(resultKey(task.file_id, 1))).toBeUndefined();
  });
});

describe("a file that ends what runs it", () => {
  test(
    "costs the first time an attempt, with its thread",
    async () => {
      expect(await run("!exit\n")).toEqual(failure("THREAD_DIED", true));
      expect(await run("and the next one runs")).toMatchObject({ kind: "completed" });
    },
    DONE_MS,
  );

  test.each(["!kill", "!exit"])(
    "is quarantined when it does so alone, too: %s",
    async (order) => {
      const task = await store(local.blobs, `${order}\n`);
      losses.set(task.file_id, 2);
      const outcome = await start(local, task, { attempt: 3 });
      expect(outcome).toEqual(failure("QUARANTINED", false));
      expect(outcome).toMatchObject({ error: { message: expect.stringContaining("2 times") } });
    },
    DONE_MS,
  );

  test(
    "is processed when it was not to blame",
    async () => {
      const task = await store(local.blobs, "innocent\n");
      losses.set(task.file_id, 1);
      const outcome = await start(local, task, { attempt: 2 });
      expect(outcome).toMatchObject({ kind: "completed", result: { result: { size: 9 } } });
      expect(new TextDecoder().decode(await contentOf(local.blobs, resultKey(task.file_id, 2)))).toBe(
        "INNOCENT\n",
      );
    },
    DONE_MS,
  );

  test(
    "fails as ever when only its content is wrong",
    async () => {
      const task = await store(local.blobs, "a,b\n1\n", { operation: "csv-profile" });
      losses.set(task.file_id, 1);
      expect(await start(local, task, { attempt: 2 })).toEqual(failure("INPUT_INVALID", false));
    },
    DONE_MS,
  );
});

describe("a storage that is away", () => {
  const away = (change: Partial<Blobs>): Ground => {
    const { blobs: own } = local;
    const blobs: Blobs = {
      uploads: own.uploads,
      write: (...given) => own.write(...given),
      read: (...given) => own.read(...given),
      stat: (...given) => own.stat(...given),
      remove: (...given) => own.remove(...given),
      list: (...given) => own.list(...given),
      sweep: (...given) => own.sweep(...given),
      checkHealth: () => own.checkHealth(),
      localPath: (key) => own.localPath?.(key) ?? Promise.resolve(undefined),
      ...change,
    };
    return { ...local, files: { ...local.files, ports: { ...local.files.ports, blobs } } };
  };
  const refuse = () => Promise.reject(new Fault("STORAGE_UNAVAILABLE", "it is away"));

  test.each<[string, Partial<Blobs>]>([
    ["for the content", { localPath: refuse }],
    ["for the result", { write: refuse }],
  ])("%s costs an attempt, and the next one waits longer", async (_, change) => {
    const task = await store(local.blobs, "a");
    expect(await start(away(change), task)).toEqual({
      ...failure("STORAGE_UNAVAILABLE", true),
      retryAfterMs: 30_000,
    });
  });
});

test("a worker without threads does not offer the type", () => {
  expect(
    fileProcess({ egress: { allowLoopback: false, allow: [], denyPorts: [] }, allowCrash: false }),
  ).toBeNull();
});
