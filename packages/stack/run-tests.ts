/** `bun run test [arguments of bun test]`: runs the tests, passes their output on, and ends with `N passed, N failed`. */
import { join } from "node:path";
import { findNatsServer } from "./nats/find-nats-server.ts";
import { messageOf } from "./start-failure.ts";
import { judgeTests, parseTestSummary } from "./test-summary.ts";

/** For a test or a hook; Bun's own 5 s is short for real servers on a busy machine. Arguments may say otherwise. */
const TIMEOUT_MS = 30_000;
/** The summary is at the end; no more than this is kept of the output. */
const TAIL_CHARS_MAX = 64 * 1024;

const PROJECT = join(import.meta.dirname, "../..");

/** Found, or fetched, before the clock of the first test that needs it begins to run. */
async function natsServerFor(env: typeof process.env): Promise<Record<string, string>> {
  const say = (line: string) => void process.stderr.write(`${line}\n`);
  try {
    const fallbackFolder = join(PROJECT, "node_modules/.cache/millrace");
    return { NATS_SERVER_BIN: (await findNatsServer({ env, fallbackFolder, say })).path };
  } catch (error) {
    say(messageOf(error)); // Most tests need none, and those that do will say so again.
    return {};
  }
}

async function main(args: readonly string[]): Promise<number> {
  const child = Bun.spawn([process.execPath, "test", `--timeout=${TIMEOUT_MS}`, ...args], {
    cwd: PROJECT,
    env: {
      ...process.env,
      ...(await natsServerFor(process.env)),
      ...(process.stderr.isTTY ? { FORCE_COLOR: "1" } : {}),
    },
    stdin: "ignore",
    stdout: "inherit",
    stderr: "pipe", // Bun's report and summary.
  });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => child.kill(signal));
  const decoder = new TextDecoder();
  let tail = "";
  for await (const chunk of child.stderr) {
    process.stderr.write(chunk);
    tail = (tail + decoder.decode(chunk, { stream: true })).slice(-TAIL_CHARS_MAX);
  }
  const status = await child.exited;
  const verdict = judgeTests(parseTestSummary(tail), status);
  if (status !== 0) process.stderr.write(`bun test ended with ${child.signalCode ?? status}\n`);
  process.stdout.write(`${verdict.line}\n`);
  return verdict.exitStatus;
}

process.exitCode = await main(process.argv.slice(2));
