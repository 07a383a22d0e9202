/**
 * The thread behind `heartbeat.ts`: a connection of its own, a beat every interval, an eye on the event loop of the
 * main thread. Started as a Worker; talks in messages only.
 */
import { availableParallelism, freemem, loadavg, totalmem } from "node:os";
import {
  type Bus,
  connectBus,
  openWorkersBucket,
  putBeat,
  removeBeat,
  type StreamRules,
} from "@millrace/bus";
import { MAIN_STALL_MS_MAX } from "@millrace/core/limits";
import { diskSpaceOf } from "@millrace/observe/disk-metrics";
import type { SystemInfo, WorkerBeat } from "@millrace/protocol";

export type HeartbeatOrders =
  | {
      readonly kind: "start";
      readonly natsUrls: readonly string[];
      readonly streams: StreamRules;
      readonly workerId: string;
      readonly nonce: string;
      readonly capabilities: readonly string[];
      readonly slots: number;
      readonly status: WorkerBeat["status"];
      readonly intervalS: number;
      /** Grows while the main thread's event loop turns. */
      readonly ticks: Int32Array;
    }
  | { readonly kind: "tasks"; readonly tasks: readonly string[] }
  | { readonly kind: "status"; readonly status: WorkerBeat["status"] }
  | { readonly kind: "stop" };

export type HeartbeatNews =
  | { readonly kind: "first_beat" }
  | { readonly kind: "stopped" }
  | { readonly kind: "trouble"; readonly reason: string };

type Start = Extract<HeartbeatOrders, { kind: "start" }>;
type Bucket = Awaited<ReturnType<typeof openWorkersBucket>>;

declare const self: Worker;

let start: Start | undefined;
let bus: Bus | undefined;
let bucket: Bucket | undefined;
let status: WorkerBeat["status"] = "active";
let tasks: readonly string[] = [];
let beating: Promise<void> | undefined;
let isReopening = false;
let isEnding = false;
const startedAt = new Date().toISOString();

function tell(news: HeartbeatNews): void {
  self.postMessage(news);
}

self.onmessage = (event: MessageEvent<HeartbeatOrders>) => {
  void obey(event.data).catch((error) => tell({ kind: "trouble", reason: String(error) }));
};

async function obey(orders: HeartbeatOrders): Promise<void> {
  switch (orders.kind) {
    case "start":
      return await begin(orders);
    case "tasks":
      tasks = orders.tasks;
      return;
    case "status":
      status = orders.status;
      await beating?.catch(() => {}); // That one may have left before.
      return await beat();
    case "stop":
      return await end();
  }
}

async function begin(orders: Start): Promise<void> {
  start = orders;
  status = orders.status;
  const { natsUrls: urls, streams } = orders;
  bus = await connectBus({ urls, streams, name: `millrace-heartbeat-${orders.workerId}` });
  bucket = await openWorkersBucket(bus);
  await beat();
  tell({ kind: "first_beat" });
  setInterval(() => {
    beat().catch(async (error) => {
      tell({ kind: "trouble", reason: `a beat did not get through: ${error}` });
      await reopen();
    });
  }, orders.intervalS * 1000);
  watchMain(orders.ticks);
}

/** One at a time: they would pile up while NATS is away. */
function beat(): Promise<void> {
  beating ??= put().finally(() => {
    beating = undefined;
  });
  return beating;
}

/** The bucket may be gone, with all that NATS had. While NATS itself is away, this fails as the beat did. */
async function reopen(): Promise<void> {
  if (bus === undefined || isReopening || isEnding) return;
  isReopening = true;
  try {
    bucket = await openWorkersBucket(bus);
  } catch {
    // The next beat that fails tries again.
  } finally {
    isReopening = false;
  }
}

async function put(): Promise<void> {
  const system_info = readSystem();
  if (start === undefined || bucket === undefined || isEnding) return;
  await putBeat(bucket, {
    worker_id: start.workerId,
    session: start.nonce,
    status,
    capabilities: start.capabilities,
    max_concurrent_tasks: start.slots,
    current_tasks: tasks,
    started_at: startedAt,
    last_heartbeat_at: new Date().toISOString(),
    heartbeat_interval: start.intervalS,
    system_info,
  });
}

/** After the goodbye no beat may come: the key would stand there for an hour, and its worker would look dead. */
async function end(): Promise<void> {
  isEnding = true;
  await beating?.catch(() => {});
  if (start !== undefined && bucket !== undefined) await removeBeat(bucket, start.workerId).catch(() => {});
  await bus?.connection.drain().catch(() => {});
  tell({ kind: "stopped" });
}

function readSystem(): SystemInfo {
  const disk = diskSpaceOf(".");
  return {
    cpu_usage: share((loadavg()[0] ?? 0) / availableParallelism()),
    memory_usage: share(1 - freemem() / totalmem()),
    disk_usage: disk === undefined ? null : share(1 - disk.availableBytes / disk.sizeBytes),
  };
}

function share(value: number): number {
  return Math.round(Math.min(1, Math.max(0, value)) * 1000) / 1000;
}

/** A main thread that hangs would hold its claims for ever, since we go on beating for it: better it dies. */
function watchMain(ticks: Int32Array): void {
  let last = Atomics.load(ticks, 0);
  let movedAtMs = performance.now();
  setInterval(() => {
    const now = Atomics.load(ticks, 0);
    if (now !== last) {
      last = now;
      movedAtMs = performance.now();
    } else if (performance.now() - movedAtMs > MAIN_STALL_MS_MAX) {
      process.stderr.write("millrace worker: the event loop stood still for too long; this process ends\n");
      process.kill(process.pid, "SIGKILL");
    }
  }, 1_000);
}
