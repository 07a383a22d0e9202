import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClient, type Fetch, UnreachableError } from "@millrace/client";
import type { Command, CommandInput } from "../command.ts";
import { Board } from "../demo/board.ts";
import { newPerson } from "../demo/new-person.ts";
import { type OwnStack, startOwnStack } from "../demo/own-stack.ts";
import { DemoFailure, type Stage } from "../demo/part.ts";
import { runDemo } from "../demo/run-demo.ts";
import { EXIT } from "../shell/exit-status.ts";
import { findStack } from "../shell/find-stack.ts";
import { positionals, readArguments } from "../shell/read-arguments.ts";
import { describeFailure } from "../shell/with-client.ts";
import { writerTo } from "../shell/writer.ts";

const INTERRUPTED = 130;

export const OPTIONS = {
  seed: { type: "string", default: "7" },
  run: { type: "string" },
} as const;

export const command: Command = {
  summary: "Show it all at work: events, failures, retries, dead letters, priorities, files; and check it",
  usage: `[options]

  --seed TEXT  of the dice; the same seed and run fail in the same places (7)
  --run TEXT   begins the ids of all tasks (made when absent)

Uses the stack that runs, or starts one of its own and stops it at the end.
The exit status is 0 when everything came out as predicted.`,
  takes: { options: OPTIONS },
  async run(input) {
    const interrupted = new AbortController();
    const interrupt = () => interrupted.abort(new Error("interrupted"));
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, interrupt);
    try {
      return await show(input, interrupted);
    } catch (error) {
      if (interrupted.signal.aborted) return INTERRUPTED;
      const { message, status } =
        error instanceof DemoFailure
          ? { message: error.message, status: EXIT.failed }
          : describeFailure(error);
      input.complain(message);
      return status;
    } finally {
      for (const signal of ["SIGINT", "SIGTERM"] as const) process.off(signal, interrupt);
    }
  },
};

async function show(input: CommandInput, interrupted: AbortController): Promise<number> {
  const { signal } = interrupted;
  const { values, positionals: rest } = readArguments(input.args, OPTIONS);
  positionals(rest, []);
  const run = values.run ?? `demo-${Math.random().toString(36).slice(2, 7)}`;
  const board = new Board({
    write: writerTo(process.stdout, () => interrupted.abort(new Error("nobody reads the output"))),
    columns: process.stdout.isTTY ? process.stdout.columns : undefined,
    nowMs: () => performance.now(),
  });
  const own = await ownStackIfNoneRuns(input, board, signal);
  try {
    const stack = findStack({ ...input, env: own?.env ?? input.env });
    if (!stack.ok) throw new DemoFailure(stack.why);
    const { baseUrl, apiKey } = stack;
    const client = createClient({ baseUrl, apiKey });
    const clientOver = (fetch: Fetch) => createClient({ baseUrl, apiKey, fetch });
    board.line(`demo ${run}, seed ${values.seed}, at ${baseUrl}`);
    const stage: Stage = {
      client,
      clientOver,
      newPerson: () => newPerson(baseUrl, signal),
      run,
      seed: values.seed,
      board,
      signal,
    };
    const cameTrue = await runDemo(stage);
    if (own === undefined)
      board.line(`look around: ${baseUrl}/, bun run millrace ls, bun run millrace dlq ls`);
    return cameTrue ? EXIT.done : EXIT.failed;
  } finally {
    if (own !== undefined) board.line("stopping the stack that was started for this");
    await own?.stop();
  }
}

/** A stack that was named but does not answer is the person's to mend; otherwise there is none, and one is started. */
async function ownStackIfNoneRuns(
  input: CommandInput,
  board: Board,
  signal: AbortSignal,
): Promise<OwnStack | undefined> {
  const stack = findStack(input);
  if (stack.ok && (stack.isNamed || (await answers(stack.baseUrl, signal)))) return undefined;
  const home = await mkdtemp(join(tmpdir(), "millrace-demo-"));
  board.line(`no stack runs here: starting one for this in ${home}`);
  return startOwnStack(input, home, signal);
}

async function answers(baseUrl: string, signal: AbortSignal): Promise<boolean> {
  try {
    await createClient({ baseUrl }).health({ signal });
    return true;
  } catch (error) {
    if (error instanceof UnreachableError) return false;
    throw error;
  }
}
