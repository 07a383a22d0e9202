import { readFileSync } from "node:fs";
import { join } from "node:path";
import { processesIn } from "@millrace/stack/process-folder";
import { isAlive, markOf, type ProcessMark } from "@millrace/stack/process-mark";
import type { RunFile } from "@millrace/stack/run-file";
import { scratch } from "./scratch.ts";

const PROJECT = join(import.meta.dirname, "../..");
const LINE_MS = 60_000;
const POLL_MS = 20;

/** A stack in a process of its own, started as a person would start it. */
export interface StackUnderTest {
  readonly pid: number;
  /** What stood on its terminal so far. */
  readonly lines: readonly string[];
  /** The first line that fits, said or still to be said. Fails, showing everything that was said, when it never comes. */
  line(pattern: RegExp): Promise<string>;
  /** Waits for the ready line; returns the URL in it. */
  ready(): Promise<string>;
  run(): RunFile;
  signal(name: NodeJS.Signals): void;
  /** Its exit status (128 + n for a signal), and how long after the last signal it ended. */
  ended(): Promise<{ readonly status: number; readonly tookMs: number }>;
  /** Every process of it that lives at this moment, itself included. */
  marks(): readonly ProcessMark[];
}

export interface StackOptions {
  readonly home: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Another entry than the CLI, from the root of the project. */
  readonly command?: readonly string[];
}

/** Ports from a range of this test's own, so that stacks of other people on this machine do not matter. */
const NEUTRAL: Readonly<Record<string, string>> = {
  NATS_URL: "",
  DATABASE_URL: "",
  NATS_MONITOR_URL: "",
  JWT_SECRET: "",
  ADMIN_EMAIL: "",
  ADMIN_PASSWORD: "",
  ADMIN_API_KEY: "",
  LOG_LEVEL: "INFO",
};

export async function startStack(options: StackOptions): Promise<StackUnderTest> {
  const { atEnd, remember } = await scratch();
  const child = Bun.spawn([process.execPath, ...(options.command ?? ["apps/cli/main.ts", "up"])], {
    cwd: PROJECT,
    env: { ...process.env, ...NEUTRAL, API_PORT: "0", ...options.env, MILLRACE_HOME: options.home },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  remember("stack", child.pid);
  const lines: string[] = [];
  void collect(child.stdout, lines);
  void collect(child.stderr, lines);
  let signalledMs = performance.now();
  atEnd(async () => {
    child.kill("SIGTERM");
    await child.exited;
  });
  const line = async (pattern: RegExp): Promise<string> => {
    const deadlineMs = performance.now() + LINE_MS;
    for (;;) {
      const found = lines.find((each) => pattern.test(each));
      if (found !== undefined) return found;
      if (child.exitCode !== null || child.signalCode !== null || performance.now() > deadlineMs)
        throw new Error(`the stack never said ${pattern}:\n${lines.join("\n")}`);
      await Bun.sleep(POLL_MS);
    }
  };
  const run = (): RunFile => JSON.parse(readFileSync(join(options.home, "run.json"), "utf8"));
  return {
    pid: child.pid,
    lines,
    line,
    ready: async () => (await line(/^ready http/)).slice("ready ".length),
    run,
    signal: (name) => {
      signalledMs = performance.now();
      child.kill(name);
    },
    ended: async () => {
      const status = await child.exited;
      return { status, tookMs: performance.now() - signalledMs };
    },
    marks: () => {
      const pids = [child.pid, ...run().processes.map(({ pid }) => pid)];
      return pids.flatMap((pid) => markOf(pid) ?? []);
    },
  };
}

async function collect(stream: ReadableStream<Uint8Array>, lines: string[]): Promise<void> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of stream) {
    const parts = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = parts.pop() ?? "";
    lines.push(...parts);
  }
}

/** Waits until it is so. Fails with the claim when it is not, in time. */
export async function eventually(
  claim: string,
  isSo: () => boolean | Promise<boolean>,
  limitMs = 30_000,
): Promise<void> {
  const deadlineMs = performance.now() + limitMs;
  while (!(await isSo())) {
    if (performance.now() > deadlineMs) throw new Error(`not so after ${limitMs / 1000} s: ${claim}`);
    await Bun.sleep(POLL_MS);
  }
}

/** Nothing of these, nor anything that stands in the home's folders, is alive. */
export function isAllGone(home: string, marks: readonly ProcessMark[]): boolean {
  const folders = [join(home, "postgres"), join(home, "nats")];
  return !marks.some(isAlive) && folders.every((folder) => processesIn(folder).length === 0);
}
