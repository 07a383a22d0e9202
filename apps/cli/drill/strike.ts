import { aliveProcesses } from "@millrace/stack/pid-file";

/** The blow could not be dealt: the person's to mend. */
export class StrikeFailure extends Error {
  override readonly name = "StrikeFailure";
}

/** What was done to the stack. */
export interface Blow {
  /** `killed worker (4711)`. */
  readonly what: string;
  readonly at: Date;
}

/** @param path the stack's list of processes @throws StrikeFailure when none of them begins so */
export function killProcesses(path: string, prefix: string): Blow {
  const hit = aliveProcesses(path).filter(({ name }) => name.startsWith(prefix));
  if (hit.length === 0)
    throw new StrikeFailure(`no process of this stack is called ${prefix}…: ${path} names none`);
  const at = new Date();
  for (const { pid } of hit) process.kill(pid, "SIGKILL");
  return { what: `killed ${hit.map(({ name, pid }) => `${name} (${pid})`).join(", ")}`, at };
}

/** @throws StrikeFailure when it does not end with status 0 */
export async function runCommand(command: string): Promise<Blow> {
  const at = new Date();
  const child = Bun.spawn(["sh", "-c", command], { stdin: "ignore", stdout: "inherit", stderr: "inherit" });
  const status = await child.exited;
  if (status !== 0) throw new StrikeFailure(`${command} ended with status ${status}`);
  return { what: `ran ${command}`, at };
}
