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

export interface StartedCli {
  /** What it has said so far, line by line. */
  readonly lines: readonly string[];
  readonly complaints: readonly string[];
  readonly exited: Promise<number>;
  interrupt(): void;
}

/** `millrace <args>` in a process of its own that goes on. @param reader a shell command that its output is piped into */
export function startCli(
  args: readonly string[],
  { env }: Pick<CliOptions, "env">,
  reader?: string,
): StartedCli {
  const command = [...CLI, ...args];
  const piped = ["sh", "-c", `"$@" | ${reader}`, "sh", ...command];
  const child = spawn(reader === undefined ? command : piped, env, "");
  const lines: string[] = [];
  const complaints: string[] = [];
  void collect(child.stdout, lines);
  void collect(child.stderr, complaints);
  return { lines, complaints, exited: child.exited, interrupt: () => child.kill("SIGINT") };
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

function spawn(command: readonly string[], env: CliOptions["env"], stdin: string) {
  const { MILLRACE_URL: _url, MILLRACE_API_KEY: _key, ...inherited } = process.env;
  return Bun.spawn([...command], {
    cwd: PROJECT,
    env: { ...inherited, ...env },
    stdin: new Blob([stdin]),
    stdout: "pipe",
    stderr: "pipe",
  });
}

async function run(command: readonly string[], env: CliOptions["env"], stdin: string): Promise<CliRun> {
  const child = spawn(command, env, stdin);
  const [stdout, stderr, status] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { status, stdout, stderr };
}
