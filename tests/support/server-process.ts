import { type Child, launch, type ProcessSpec } from "@millrace/stack/supervise/process-spec";
import { scratch } from "./scratch.ts";

const STOP_MS = 5_000;

export interface ServerOptions {
  /** How long a stop in order may take; then it is killed. */
  readonly stopMs?: number;
}

const READY_MS = 30_000;
const POLL_MS = 10;
const LAST_OUTPUT_CHARS = 4_000;
const LEFTOVERS = /pre-existing shared memory block .* is still in use/;
const LEFTOVERS_PAUSE_MS = 200;

/** A server that a test may stop, kill and start again, on the same port and with the same data. */
export interface ServerProcess {
  readonly pid: number;
  /** False also when it has ended by itself. */
  readonly isRunning: boolean;
  /** Its status when it ended last; null before, and when a signal ended it. */
  readonly exitCode: number | null;
  /** What it said last, for the message of a test that fails. */
  readonly output: string;
  /** As a crash: nothing is flushed, nobody is told. Resolves when it is gone. */
  kill9(): Promise<void>;
  /** In order. Resolves when it is gone. */
  stop(): Promise<void>;
  /** Starts it again (stopping it first if it runs) and waits until it is ready. */
  restart(): Promise<void>;
}

/** Starts the process, waits until it is ready, and stops it at the end of the run. */
export async function startServer(
  spec: ProcessSpec,
  isReady: (pid: number) => boolean | Promise<boolean>,
  { stopMs = STOP_MS }: ServerOptions = {},
): Promise<ServerProcess> {
  const { remember, atEnd } = await scratch();
  let child: Child | undefined;
  let output = "";
  let exitCode: number | null = null;
  const end = async (signal: NodeJS.Signals) => {
    if (child === undefined) return;
    const ending = child;
    ending.kill(signal);
    const timer = setTimeout(() => ending.kill("SIGKILL"), stopMs);
    await ending.exited;
    exitCode = ending.exitCode;
    clearTimeout(timer);
    child = undefined;
  };
  const start = async () => {
    const decoder = new TextDecoder();
    const starting = launch(spec, (chunk) => {
      output = (output + decoder.decode(chunk, { stream: true })).slice(-LAST_OUTPUT_CHARS);
    });
    child = starting;
    remember(spec.name, starting.pid);
    const deadlineMs = performance.now() + READY_MS;
    while (!(await isReady(starting.pid))) {
      if (starting.exitCode !== null || starting.signalCode !== null || performance.now() > deadlineMs) {
        await end("SIGKILL");
        throw new Error(`${spec.name} does not start:\n${output}`);
      }
      await Bun.sleep(POLL_MS);
    }
  };
  /** A killed PostgreSQL's children need a moment to notice; until then a new one refuses the shared memory, as the product's supervisor knows. */
  const startAgain = async () => {
    const deadlineMs = performance.now() + READY_MS;
    for (;;) {
      try {
        return await start();
      } catch (error) {
        if (!LEFTOVERS.test(output) || performance.now() > deadlineMs) throw error;
        output = "";
        await Bun.sleep(LEFTOVERS_PAUSE_MS);
      }
    }
  };
  process.once("exit", () => child?.kill("SIGKILL"));
  atEnd(() => end(spec.stopSignal));
  await start();
  return {
    get pid() {
      if (child === undefined) throw new Error(`${spec.name} is down`);
      return child.pid;
    },
    get isRunning() {
      return child !== undefined && child.exitCode === null && child.signalCode === null;
    },
    get exitCode() {
      return exitCode;
    },
    get output() {
      return output;
    },
    kill9: () => end("SIGKILL"),
    stop: () => end(spec.stopSignal),
    restart: async () => {
      await end(spec.stopSignal);
      await startAgain();
    },
  };
}
