import { join } from "node:path";

const PROJECT = join(import.meta.dirname, "../..");

export interface CliRun {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CliOptions {
  /** On top of an environment that names no stack. */
  readonly env: Readonly<Record<string, string>>;
  readonly stdin?: string;
}

const CLI = [process.execPath, "apps/cli/main.ts"];

/** `millrace <args>` in a process of its own, until it ends. */
export async function runCli(args: readonly string[], { env, stdin = "" }: CliOptions): Promise<CliRun> {
  return run([...CLI, ...args], env, stdin);
}

/** The same, piped into a reader who leaves before the first byte. */
export async function runCliUnread(args: readonly string[], env: CliOptions["env"]): Promise<CliRun> {
  const script = '{ "$@"; echo "status $?" >&2; } | true';
  const { stdout, stderr } = await run(["sh", "-c", script, "sh", ...CLI, ...args], env, "");
  const status = /^status (\d+)$/m.exec(stderr);
  return { status: Number(status?.[1]), stdout, stderr: stderr.replace(status?.[0] ?? "", "").trim() };
}

async function run(command: readonly string[], env: CliOptions["env"], stdin: string): Promise<CliRun> {
  const { MILLRACE_URL: _url, MILLRACE_API_KEY: _key, ...inherited } = process.env;
  const child = Bun.spawn([...command], {
    cwd: PROJECT,
    env: { ...inherited, ...env },
    stdin: new Blob([stdin]),
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr, status] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { status, stdout, stderr };
}
