/**
 * Workers over HTTP in a process of their own, which a test can kill: `bun fleet-process.ts` with a JSON object in FLEET.
 * Each runs tasks of one type for as long as their payload says, and tells on its standard output when it has more at once
 * than it may.
 */
import { defineWorker } from "@millrace/client";

interface Fleet {
  readonly baseUrl: string;
  readonly apiKey: string;
  readonly prefix: string;
  readonly workers: number;
  readonly taskType: string;
  readonly slots: number;
  readonly heartbeatS: number;
}

const fleet: Fleet = JSON.parse(process.env.FLEET ?? "{}");

function say(word: Readonly<Record<string, unknown>>): void {
  process.stdout.write(`${JSON.stringify(word)}\n`);
}

const runs = Array.from({ length: fleet.workers }, (_, index) => {
  const workerId = `${fleet.prefix}-${index}`;
  let busy = 0;
  const worker = defineWorker<Record<string, { readonly ms: number }>>({
    ...{ baseUrl: fleet.baseUrl, apiKey: fleet.apiKey, workerId, maxConcurrentTasks: fleet.slots },
    ...{ heartbeatIntervalS: fleet.heartbeatS, drainMsMax: 2_000 },
    capabilities: {
      [fleet.taskType]: async ({ task_id, payload }, { signal }) => {
        busy += 1;
        if (busy > fleet.slots) say({ over: workerId, busy });
        await new Promise((resolve) => {
          const timer = setTimeout(resolve, payload.ms);
          signal.addEventListener("abort", () => {
            clearTimeout(timer);
            resolve(undefined);
          });
        });
        busy -= 1;
        return { task_id, by: workerId };
      },
    },
    onTrouble: (doing, error) => say({ trouble: doing, worker: workerId, error: String(error) }),
  });
  return worker.run();
});
say({ started: fleet.workers });
// One whose id has been taken over meanwhile ends with WORKER_REPLACED.
await Promise.allSettled(runs);
