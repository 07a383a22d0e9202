import { join } from "node:path";
import type { Blobs } from "@millrace/blobs";
import { openLocalBlobs } from "@millrace/blobs/local/local-blobs";
import { type Bus, DispatchPublisher } from "@millrace/bus";
import type { Json } from "@millrace/core";
import { FILE_BYTES_MAX } from "@millrace/core/limits";
import {
  contentKey,
  decodeFileResult,
  type FileOperationName,
  type FileTaskResult,
  type StoredResult,
} from "@millrace/protocol/file-operations/index";
import { createUpload, finishUpload, loadDispatches, type Sql } from "@millrace/store";
import { type RunningStack, untilTrue } from "./running-stack.ts";
import { scratch } from "./scratch.ts";
import { freePort } from "./servers.ts";

/** Where a stack keeps its files. */
export function blobsOf(stack: Pick<RunningStack, "home">): Promise<Blobs> {
  return openLocalBlobs(join(stack.home, "files"));
}

export interface FileGround {
  readonly sql: Sql;
  readonly bus: Bus;
  readonly blobs: Blobs;
}

export interface NewFile {
  readonly operation: FileOperationName;
  readonly content: string | Uint8Array | AsyncIterable<Uint8Array>;
  readonly filename?: string;
  readonly options?: Json;
  readonly ownerId?: number;
  readonly timeoutS?: number;
}

const QUOTA = { filesMax: 10_000, bytesMax: 1e12, perMinuteMax: 10_000 };

/** As the api takes a file in, without its HTTP: the bytes, the row, the task, the message. Gives the id of both. */
export async function submitFile({ sql, bus, blobs }: FileGround, file: NewFile): Promise<string> {
  const fileId = Bun.randomUUIDv7();
  const { content, operation, options = {}, ownerId = 1, timeoutS = 60 } = file;
  const created = await createUpload(
    sql,
    {
      ...{ fileId, ownerId, tenant: null, filename: file.filename ?? "file.txt", contentType: "text/plain" },
      ...{ operation, options, declaredSize: null, bytesMax: FILE_BYTES_MAX, uploadKind: "multipart" },
      ...{ contentKey: contentKey(fileId), lifeMs: 60_000, idempotencyKey: null, correlationId: "test" },
    },
    QUOTA,
  );
  if (created.kind !== "created") throw new Error(`not begun: ${JSON.stringify(created)}`);
  const written = await blobs.write(contentKey(fileId), piecesOf(content), { bytesMax: FILE_BYTES_MAX });
  const finish = await finishUpload(sql, { fileId, size: written.bytes, sha256: written.sha256, timeoutS });
  if (finish.kind !== "finished" || finish.submission.kind !== "stored")
    throw new Error(`not finished: ${finish.kind}`);
  const publisher = new DispatchPublisher(bus);
  await publisher.publish(
    (await loadDispatches(sql, [finish.submission.seq])).map(({ dispatch }) => ({ dispatch })),
  );
  await publisher.drain();
  return fileId;
}

async function* piecesOf(content: NewFile["content"]): AsyncGenerator<Uint8Array> {
  if (typeof content === "string") yield new TextEncoder().encode(content);
  else if (content instanceof Uint8Array) yield content;
  else yield* content;
}

/** What a completed file's task says; fails when it is not completed. */
export function fileResultOf(task: { readonly status: string; readonly result: Json }): FileTaskResult & {
  readonly result: StoredResult;
} {
  const decoded = task.status === "completed" ? decodeFileResult(task.result) : null;
  if (decoded?.result == null) throw new Error(`no result: ${JSON.stringify(task)}`);
  return { ...decoded, result: decoded.result };
}

/** The bytes of a result; fails when there are none. */
export async function resultOf(blobs: Blobs, { key }: StoredResult): Promise<Uint8Array<ArrayBuffer>> {
  const reading = await blobs.read(key);
  if (reading === undefined) throw new Error(`there is no ${key}`);
  return new Uint8Array(await new Response(reading.stream).arrayBuffer());
}

export interface HostileWorker {
  readonly workerId: string;
  /** How often it was started. */
  readonly starts: () => number;
  metric(name: string): Promise<readonly string[]>;
  /** Asks it to leave; another one starts when it has. */
  leave(): Promise<void>;
  stop(): Promise<void>;
}

/** `file-worker-main.ts` for a stack whose own worker takes no files; started again when it dies. */
export async function startHostileWorker(
  stack: RunningStack,
  env: Readonly<Record<string, string>> = {},
): Promise<HostileWorker> {
  const { atEnd, remember } = await scratch();
  const run = await stack.run();
  const port = await freePort();
  const logPath = join(stack.home, "hostile-worker.log");
  let starts = 0;
  let isStopped = false;
  const spawn = (): Bun.Subprocess => {
    starts += 1;
    const spawned = Bun.spawn([process.execPath, join(import.meta.dirname, "file-worker-main.ts")], {
      env: {
        ...process.env,
        ...{ DATABASE_URL: run.database_url, NATS_URL: run.nats_url, MILLRACE_HOME: stack.home },
        ...{ WORKER_ID: "hostile", HEARTBEAT_INTERVAL: "1", HEALTH_PORT: String(port), ...env },
      },
      stdout: Bun.file(logPath),
      stderr: "inherit",
      onExit: () => {
        if (!isStopped) child = spawn();
      },
    });
    remember("hostile-worker", spawned.pid);
    return spawned;
  };
  let child = spawn();
  const stop = async (): Promise<void> => {
    isStopped = true;
    child.kill("SIGTERM");
    await child.exited;
  };
  atEnd(stop);
  await untilTrue(async () => (await Bun.file(logPath).text()).includes('"working"'), 30_000, "a worker");
  const metric = async (name: string): Promise<readonly string[]> => {
    const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    return text.split("\n").filter((line) => line.startsWith(name));
  };
  const leave = async (): Promise<void> => {
    const leaving = child;
    leaving.kill("SIGTERM");
    await leaving.exited;
  };
  return { workerId: "hostile", starts: () => starts, metric, leave, stop };
}
