import { join } from "node:path";
import { scratch } from "./scratch.ts";
import { tempHome } from "./servers.ts";

const PROJECT = join(import.meta.dirname, "../..");
const READY_MS = 60_000;
const STOP_MS = 15_000;
const POLL_MS = 25;

export interface RunFile {
  readonly api_url: string;
  readonly nats_url: string;
  readonly nats_monitor_url: string;
  readonly database_url: string;
  readonly admin: { readonly email: string; readonly password: string };
  readonly api_key: string;
  readonly processes: readonly { readonly name: string; readonly pid: number }[];
}

/** The whole product, started as its user starts it, in a home of its own. */
export interface RunningStack {
  readonly home: string;
  /** As it is now: pids change when a process is restarted. */
  run(): Promise<RunFile>;
  pidOf(name: string): Promise<number>;
  /** A request with the API key of run.json; the body is sent as JSON. */
  call(method: string, path: string, body?: unknown): Promise<Answer>;
  stop(): Promise<void>;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: a test reads what it expects, and fails where it is not there
  readonly body: any;
}

export async function startStack(env: Readonly<Record<string, string>> = {}): Promise<RunningStack> {
  const home = env.MILLRACE_HOME ?? (await tempHome());
  const { remember, atEnd } = await scratch();
  const child = Bun.spawn([process.execPath, "apps/cli/main.ts", "up"], {
    cwd: PROJECT,
    env: { ...process.env, MILLRACE_HOME: home, API_PORT: "0", ...env },
    stdout: Bun.file(join(home, "terminal.log")),
    stderr: "inherit",
  });
  remember("stack", child.pid);
  const stop = async (): Promise<void> => {
    if (child.exitCode !== null) return;
    child.kill("SIGTERM");
    const timer = setTimeout(() => child.kill("SIGKILL"), STOP_MS);
    await child.exited;
    clearTimeout(timer);
  };
  atEnd(stop);
  const run = async (): Promise<RunFile> => (await Bun.file(join(home, "run.json")).json()) as RunFile;
  await untilTrue(
    async () => child.exitCode !== null || (await Bun.file(join(home, "run.json")).exists()),
    READY_MS,
  );
  if (child.exitCode !== null)
    throw new Error(`the stack did not start: ${await Bun.file(join(home, "terminal.log")).text()}`);
  const first = await run();
  return {
    home,
    run,
    pidOf: async (name) => {
      const found = (await run()).processes.find((one) => one.name === name);
      if (found === undefined) throw new Error(`the stack has no process ${name}`);
      return found.pid;
    },
    call: async (method, path, body) => {
      const response = await fetch(new URL(path, first.api_url), {
        method,
        headers: { Authorization: `Bearer ${first.api_key}`, "Content-Type": "application/json" },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
      const text = await response.text();
      return {
        status: response.status,
        headers: response.headers,
        body: text === "" ? null : JSON.parse(text),
      };
    },
    stop,
  };
}

/** Waits for something to come true, and says so when it does not. */
export async function untilTrue(
  isTrue: () => boolean | Promise<boolean>,
  deadlineMs: number,
  what = "what the test waits for",
): Promise<void> {
  const deadline = performance.now() + deadlineMs;
  while (!(await isTrue())) {
    if (performance.now() > deadline) throw new Error(`${what} did not come true within ${deadlineMs} ms`);
    await Bun.sleep(POLL_MS);
  }
}
