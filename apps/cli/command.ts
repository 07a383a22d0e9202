import type { Grammar } from "./grammar.ts";

/** What stands at the other end of standard input and output. */
export interface Terminal {
  /** Standard output is a terminal that shows colours, and nobody has asked for none (NO_COLOR). */
  readonly isColoured: boolean;
  /** Standard input is a terminal: nobody has piped anything in. */
  readonly isTypedInto: boolean;
  /** Aborts when nobody reads standard output any more. */
  readonly isClosed: AbortSignal;
}

/** What a command is given: the shell around it, so that it can be run by a test. */
export interface CommandInput {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The root of the project. */
  readonly projectFolder: string;
  /** One line on standard output. Waits for a slow reader: nothing piles up here. */
  readonly say: (line: string) => void;
  /** One line on standard error. */
  readonly complain: (line: string) => void;
  readonly terminal: Terminal;
}

/** One file in `commands/` is one command; its name is the file's. It exports this as `command`. */
export interface Command {
  /** One line, for the list of commands. */
  readonly summary: string;
  /** Everything after the command's name: `[--follow] <task_id>`; "" for a command without arguments. */
  readonly usage: string;
  readonly takes: Grammar;
  /** Returns the exit status: 0 done, 1 failed, 2 called wrongly. */
  run(input: CommandInput): Promise<number>;
}
