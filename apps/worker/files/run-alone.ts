import { rm } from "node:fs/promises";
import type { JobOutcome, RunOptions } from "@millrace/pool";
import type { AloneNews, AloneOrder } from "./alone-messages.ts";
import type { FileWork } from "./process-file.ts";
import type { FileResult } from "./run-file.ts";

export interface AloneRun extends Omit<RunOptions, "owner"> {
  /** The thread's module. */
  readonly threadModule: string;
}

export type AloneOutcome =
  | JobOutcome<FileResult>
  /** The process ended without a word, and nobody had asked it to. */
  | { readonly kind: "died"; readonly how: string };

const ENTRY = new URL("./alone-main.ts", import.meta.url).pathname;

/**
 * Runs one operation on one file in a process of its own, which ends with it: for a file that may have ended a worker
 * before, so that it takes nothing along this time. Rejects with the signal's reason when aborted.
 */
export async function runAlone(work: FileWork, run: AloneRun): Promise<AloneOutcome> {
  const { signal, timeoutMs, threadModule, onProgress } = run;
  signal?.throwIfAborted();
  let last: AloneNews | undefined;
  const child = Bun.spawn([process.execPath, ENTRY], {
    // Nothing of ours: it works on what it does not trust.
    env: { MALLOC_ARENA_MAX: "1" },
    stdio: ["ignore", "ignore", "ignore"],
    ipc: (news: AloneNews) => {
      if (news.kind === "progress") onProgress?.(news.progress);
      else last = news;
    },
  });
  const kill = (): void => child.kill("SIGKILL");
  signal?.addEventListener("abort", kill, { once: true });
  let isDone = false;
  try {
    const order: AloneOrder = { work, timeoutMs, threadModule };
    child.send(order);
    await child.exited;
    signal?.throwIfAborted();
    const outcome = outcomeOf(last, child);
    isDone = outcome.kind === "done";
    return outcome;
  } finally {
    signal?.removeEventListener("abort", kill);
    kill();
    await child.exited;
    if (!isDone) await rm(work.outputPath, { force: true });
  }
}

function outcomeOf(last: AloneNews | undefined, child: Bun.Subprocess): AloneOutcome {
  if (last?.kind === "outcome") return last.outcome;
  if (last?.kind === "trouble") throw new Error(last.message);
  return { kind: "died", how: child.signalCode?.toString() ?? `exit status ${child.exitCode}` };
}
