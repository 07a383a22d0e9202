import { StartFailure } from "./start-failure.ts";
import type { Supervised } from "./supervise/supervised.ts";

const POLL_MS = 50;
const ASK_MS = 2_000;
/** A process that died this often in a row at the start will not live the next time either. */
const DEATHS_MAX = 5;
/** Exit statuses for "the configuration is wrong" (2, and 78 of sysexits.h): trying again changes nothing. */
const HOPELESS = new Set([2, 78]);

interface Wait {
  readonly limitMs: number;
  readonly isReady: () => boolean | Promise<boolean>;
  readonly signal: AbortSignal;
}

/** Waits until a process can be used. Throws a StartFailure, with its last words, when it dies too often or takes too long. */
export async function waitUntilReady(watched: Supervised, { limitMs, isReady, signal }: Wait): Promise<void> {
  const deadlineMs = performance.now() + limitMs;
  const { name } = watched.spec;
  while (!(await isReady())) {
    signal.throwIfAborted();
    if (watched.deaths >= DEATHS_MAX)
      throw failure(watched, `${name} does not start: it died ${watched.deaths} times`);
    if (watched.pid === undefined && HOPELESS.has(watched.lastExitCode ?? 0))
      throw failure(watched, `${name} does not start: it says that its configuration is wrong`);
    if (performance.now() > deadlineMs)
      throw failure(watched, `${name} is not ready after ${limitMs / 1000} s`);
    await Bun.sleep(POLL_MS);
  }
}

function failure(watched: Supervised, what: string): StartFailure {
  const lastWords = watched.lastLines.map((line) => `  ${line.slice(0, 400)}`).join("\n");
  return new StartFailure(what, lastWords === "" ? "It said nothing." : `Its last lines:\n${lastWords}`);
}

/** True when the address answers 200. */
export async function answersOk(url: string): Promise<boolean> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(ASK_MS) });
    await response.body?.cancel();
    return response.status === 200;
  } catch {
    return false;
  }
}
