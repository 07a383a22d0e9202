/** `bun run test [arguments of bun test]`: runs the tests, passes their output on, and ends with `N passed, N failed`. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { findMemoryFolder } from "./memory-folder.ts";
import { findNatsServer } from "./nats/find-nats-server.ts";
import { messageOf } from "./start-failure.ts";
import { describeFailures, findFailures, lastWords, type TestFailure } from "./test-failures.ts";
import { describeRun, type PlannedRun, planTests } from "./test-plan.ts";
import { addRuns, judgeTests, parseTestSummary, type TestRun } from "./test-summary.ts";

/** For a test or a hook; Bun's own 5 s is short for real servers on a busy machine. Arguments may say otherwise. */
const TIMEOUT_MS = 30_000;
/** The summary is at the end; no more than this is read for it. */
const TAIL_CHARS_MAX = 64 * 1024;
/** What one run may say before its beginning is forgotten, when it is not passed on at once. */
const OUTPUT_CHARS_MAX = 8 * 1024 * 1024;
/**
 * Most of them wait some of the time. The run of all small tests hardly does: while it lasts, a fourth would make take
 * seconds what happens at once elsewhere.
 */
const SIDE_BY_SIDE = 4;
const BESIDE_SMALL = 2;

const PROJECT = join(import.meta.dirname, "../..");
const running = new Set<Bun.Subprocess>();
/** Told to end: nothing more is begun. */
const stop = new AbortController();

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

interface Wish {
  readonly args: readonly string[];
  /** True: what it says is passed on as it comes. False: at its end, so that runs side by side do not mix. */
  readonly isLive: boolean;
  readonly env: Readonly<Record<string, string | undefined>>;
}

interface ToldRun extends TestRun {
  readonly failures: readonly TestFailure[];
}

async function runTests({ args, isLive, env }: Wish): Promise<ToldRun> {
  const child = Bun.spawn([process.execPath, "test", `--timeout=${TIMEOUT_MS}`, ...args], {
    cwd: PROJECT,
    env,
    stdin: "ignore",
    stdout: isLive ? "inherit" : "pipe",
    stderr: "pipe", // Bun's report and summary.
  });
  running.add(child);
  let output = "";
  const listen = async (stream: ReadableStream<Uint8Array>): Promise<void> => {
    const decoder = new TextDecoder();
    for await (const chunk of stream) {
      if (isLive) process.stderr.write(chunk);
      output = (output + decoder.decode(chunk, { stream: true })).slice(-OUTPUT_CHARS_MAX);
    }
  };
  await Promise.all([
    listen(child.stderr),
    child.stdout instanceof ReadableStream ? listen(child.stdout) : undefined,
  ]);
  const status = await child.exited;
  running.delete(child);
  if (!isLive) process.stderr.write(output);
  if (status !== 0) process.stderr.write(`${describeRun(args)} ended with ${child.signalCode ?? status}\n`);
  const failures = findFailures(output);
  const broke = { file: describeRun(args), lines: lastWords(output) };
  return {
    summary: parseTestSummary(output.slice(-TAIL_CHARS_MAX)),
    status,
    failures: status !== 0 && failures.length === 0 ? [broke] : failures,
  };
}

async function runAll(env: Wish["env"]): Promise<readonly ToldRun[]> {
  const files = [...new Bun.Glob("tests/**/*.test.ts").scanSync({ cwd: PROJECT })].filter(
    (file) => !file.includes("node_modules"),
  );
  const plan = planTests(files.sort(), (file) => readFileSync(join(PROJECT, file), "utf8"));
  const runs: ToldRun[] = [];
  const memory = findMemoryFolder();
  const inMemory = memory === undefined ? env : { MILLRACE_TEST_FOLDER: memory, ...env };
  const run = async ({ files: args, isOnDisk }: PlannedRun, isLive = false): Promise<void> => {
    if (args.length > 0 && !stop.signal.aborted)
      runs.push(await runTests({ args, isLive, env: isOnDisk ? env : inMemory }));
  };
  const [small, ...others] = plan.beside;
  const next = others.values();
  const take = async (): Promise<void> => {
    for (const planned of next) await run(planned);
  };
  const takeAtOnce = (lanes: number) => Promise.all(Array.from({ length: lanes }, take));
  const smallFirst = small === undefined ? Promise.resolve() : run(small);
  const afterwards = smallFirst.then(() => takeAtOnce(SIDE_BY_SIDE - BESIDE_SMALL));
  await Promise.all([takeAtOnce(BESIDE_SMALL), afterwards]);
  await run(plan.alone, true);
  return runs;
}

async function main(args: readonly string[]): Promise<number> {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
    process.on(signal, () => {
      stop.abort();
      for (const child of running) child.kill(signal);
    });
  const env = {
    ...process.env,
    ...(await natsServerFor(process.env)),
    ...(process.stderr.isTTY ? { FORCE_COLOR: "1" } : {}),
  };
  const runs = args.length > 0 ? [await runTests({ args, isLive: true, env })] : await runAll(env);
  if (args.length === 0) process.stderr.write(describeFailures(runs.flatMap(({ failures }) => failures)));
  const verdict = judgeTests(...addRuns(runs));
  process.stdout.write(`${verdict.line}\n`);
  return verdict.exitStatus;
}

process.exitCode = await main(process.argv.slice(2));
