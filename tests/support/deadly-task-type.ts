import { writeSync } from "node:fs";
import type { Json } from "@millrace/core";
import type { TaskContext, TaskType } from "@millrace/worker/task-type";

/** A task type that does to its process what its payload says. */
const DEEDS: Readonly<Record<string, (context: TaskContext) => Promise<Json> | Json>> = {
  complete: async ({ log, reportProgress, taskId, attempt }) => {
    log.info("all went well", { step: 1 });
    reportProgress(0.5, "half");
    return { taskId, attempt };
  },
  exit: () => {
    writeSync(1, "about to exit\n");
    return process.exit(3);
  },
  leave: () => process.exit(0),
  kill: ({ log }) => {
    log.warn("about to kill");
    process.kill(process.pid, "SIGKILL");
    return null;
  },
  throw: () => {
    queueMicrotask(() => {
      throw new Error("thrown out of nowhere");
    });
    return new Promise(() => {});
  },
  loop: ({ log }) => {
    log.info("about to loop", { pid: process.pid });
    for (;;);
  },
  hang: () => new Promise(() => {}),
  wait: ({ signal }) =>
    new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason), { once: true })),
  memory: () => {
    const held: Buffer[] = [];
    for (;;) held.push(Buffer.alloc(8 * 1024 * 1024, held.length + 1));
  },
  chatter: ({ log }) => {
    for (let line = 0; line < 20_000; line += 1) log.info(`line ${line} of many`);
    process.kill(process.pid, "SIGKILL");
    return null;
  },
  lie: () => {
    process.send?.("what is this");
    process.send?.({ kind: "end" });
    process.send?.({ kind: "progress", progress: "much" });
    return null;
  },
};

const deadly: TaskType = {
  taskType: "deadly",
  run: async (context) => {
    const deed = DEEDS[String(context.payload)];
    if (deed === undefined)
      return { kind: "failed", error: { code: "BOOM", message: "no" }, isRetryable: true };
    return { kind: "completed", result: await deed(context) };
  },
};
export default deadly;
