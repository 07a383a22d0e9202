/** `bun run test [arguments of bun test]`: runs the tests, passes their output on, and ends with `N passed, N failed`. */
import { join } from "node:path";
import { judgeTests, parseTestSummary } from "./test-summary.ts";

/** The summary is at the end; no more than this is kept of the output. */
const TAIL_CHARS_MAX = 64 * 1024;

async function main(args: readonly string[]): Promise<number> {
  const child = Bun.spawn([process.execPath, "test", ...args], {
    cwd: join(import.meta.dirname, "../.."),
    env: { ...process.env, ...(process.stderr.isTTY ? { FORCE_COLOR: "1" } : {}) },
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
