import { join } from "node:path";
import { openBlobs } from "@millrace/blobs";
import { connectBus } from "@millrace/bus";
import { readConfig } from "@millrace/config";
import { createHealth, createLog, createMetrics, startHealthServer } from "@millrace/observe";
import { countLosses, openPool } from "@millrace/store";
import { startFiles } from "@millrace/worker/files/start-files";
import { loadTaskTypes } from "@millrace/worker/task-type";
import { startWorker } from "@millrace/worker/worker";

/** A worker as the product's, with threads that obey `hostile-file-thread.ts`. */

const TASKS = join(import.meta.dirname, "../../apps/worker/tasks");
const THREADS = join(import.meta.dirname, "hostile-file-thread.ts");

const reading = readConfig(process.env, ["databaseUrl", "natsUrls", "workerId"]);
if (!reading.ok) throw new Error(JSON.stringify(reading.problems));
const { config } = reading;
const log = createLog({ service: "worker", level: "INFO", format: "json" });
const metrics = createMetrics({ service: "worker" });
const bus = await connectBus({ urls: config.natsUrls, name: config.workerId });
const sql = openPool({ url: config.databaseUrl, max: 2, applicationName: config.workerId, isByKey: true });
const files = await startFiles({
  blobs: await openBlobs(config),
  threads: config.maxFileWorkers,
  scratchRoot: join(config.home, "scratch"),
  countLosses: (taskId) => countLosses(sql, taskId),
  log,
  metrics,
  threadModule: THREADS,
});
const health = createHealth({ checks: {} });
startHealthServer({ host: "127.0.0.1", port: config.healthPort, health, metrics });
const worker = await startWorker({
  workerId: config.workerId,
  nonce: crypto.randomUUID().slice(0, 8),
  bus,
  natsUrls: config.natsUrls,
  sql,
  log,
  metrics,
  types: await loadTaskTypes(TASKS, {
    egress: { allowLoopback: false, allow: [], denyPorts: [] },
    allowCrash: false,
    files: files.ports,
  }),
  slots: { short: config.maxWorkers - config.longSlots, long: config.longSlots, file: config.maxFileWorkers },
  heartbeatS: config.heartbeatIntervalS,
  random: Math.random,
  alone: {
    ports: { egress: { allowLoopback: false, allow: [], denyPorts: [] }, allowCrash: false },
    memoryBytesMax: config.quarantineMemoryMib * 2 ** 20,
  },
});
log.info("working");

process.on("SIGTERM", async () => {
  await worker.drain();
  await files.stop();
  process.exit(0);
});
