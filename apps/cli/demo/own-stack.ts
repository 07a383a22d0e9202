import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { CommandInput } from "../command.ts";
import { DemoFailure } from "./part.ts";

/** The first start may have to fetch and unpack servers. */
const START_MS_MAX = 180_000;
/** The stack drains for some seconds; then it is not waited for any more. */
const STOP_MS_MAX = 20_000;
const LINES_KEPT = 20;

export interface OwnStack {
  /** What `findStack` is to look at instead of the person's environment. */
  readonly env: CommandInput["env"];
  stop(): Promise<void>;
}

/**
 * A whole stack by the command that people use, in a home that goes with it.
 * @throws DemoFailure with what it said last
 */
export async function startOwnStack(
  input: CommandInput,
  home: string,
  signal: AbortSignal,
): Promise<OwnStack> {
  const { MILLRACE_URL: _url, MILLRACE_API_KEY: _key, ...inherited } = input.env;
  const env = { ...inherited, MILLRACE_HOME: home };
  const stopWithParent = join(input.projectFolder, "packages/stack/supervise/stop-with-parent.ts");
  const main = join(input.projectFolder, "apps/cli/main.ts");
  const child = Bun.spawn([process.execPath, "--preload", stopWithParent, main, "up"], {
    ...{ env, cwd: input.projectFolder, stdin: "ignore", stdout: "pipe", stderr: "inherit" },
  });
  const stop = async () => {
    child.kill("SIGTERM");
    const timer = setTimeout(() => child.kill("SIGKILL"), STOP_MS_MAX);
    await child.exited;
    clearTimeout(timer);
    await rm(home, { recursive: true, force: true });
  };
  try {
    await untilReady(child.stdout, AbortSignal.any([signal, AbortSignal.timeout(START_MS_MAX)]));
    return { env, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Resolves with the line `ready …`; reads on afterwards, since a full pipe would stop the stack. */
function untilReady(output: ReadableStream<Uint8Array>, signal: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const giveUp = () => reject(new DemoFailure(`the stack was not ready within ${START_MS_MAX / 1_000} s`));
  signal.addEventListener("abort", giveUp, { once: true });
  const read = async () => {
    const lines: string[] = [];
    let rest = "";
    const decoder = new TextDecoder();
    for await (const chunk of output) {
      const parts = (rest + decoder.decode(chunk, { stream: true })).split("\n");
      rest = parts.pop() ?? "";
      lines.push(...parts);
      lines.splice(0, Math.max(0, lines.length - LINES_KEPT));
      if (parts.some((line) => line.startsWith("ready "))) resolve();
    }
    reject(new DemoFailure(`the stack did not start:\n${lines.join("\n")}`));
  };
  read().catch(reject);
  return promise.finally(() => signal.removeEventListener("abort", giveUp));
}
