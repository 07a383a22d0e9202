import type { FindAlarm } from "./alarm.ts";

/** One process of the stack: how it is started, and how it is asked to end. */
export interface ProcessSpec {
  readonly name: string;
  readonly command: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Whom it runs as, when not as ourselves. */
  readonly user?: { readonly uid: number; readonly gid: number } | undefined;
  /** Asks it to end, in order and without loss. */
  readonly stopSignal: NodeJS.Signals;
  /** Ends it at once, before SIGKILL would: PostgreSQL's SIGQUIT still frees its shared memory. */
  readonly abortSignal?: NodeJS.Signals;
  readonly findAlarm: FindAlarm;
}

export type Child = Bun.Subprocess<"ignore", "pipe", "pipe">;

/**
 * Starts the process in a session of its own: a Ctrl-C in the terminal goes to us alone, and we say who ends when.
 * Throws when it cannot be started.
 */
export function launch(spec: ProcessSpec, onOutput: (chunk: Uint8Array) => void): Child {
  const child = Bun.spawn([...spec.command], {
    cwd: spec.cwd,
    env: { ...spec.env },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    detached: true,
    ...(spec.user === undefined ? {} : spec.user),
  });
  void pump(child.stdout, onOutput);
  void pump(child.stderr, onOutput);
  return child;
}

async function pump(
  stream: ReadableStream<Uint8Array>,
  onOutput: (chunk: Uint8Array) => void,
): Promise<void> {
  try {
    for await (const chunk of stream) onOutput(chunk);
  } catch {
    // The process went away with its pipe.
  }
}
