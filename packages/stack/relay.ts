import { readFileSync } from "node:fs";
import { isAlive, markOf, type ProcessMark, parentOf } from "./process-mark.ts";

const ANCESTORS_MAX = 5;
const POLL_MS = 1_000;
/** `npx`, `npm exec bun@… start`, `sh -c 'bun' start`, `bun run test`: what stands between a person's shell and us. */
const LAUNCHER =
  /^npm (exec|run|start|test)\b|\/npx(-cli\.js)? |\/npm-cli\.js |^(\/\S*\/)?sh -c '?bun|^(\S*\/)?bun(\.exe)? (run )?[a-z]+( |$)/;

/**
 * The processes through which a script was started. When one of them is killed, npm tells nobody: the shell that it had
 * started dies, and what runs below would run on, unseen. (Tried: SIGTERM to `npx bun start` leaves `bun start` alive.)
 */
export function launchersOf(pid: number): readonly ProcessMark[] {
  const found: ProcessMark[] = [];
  let at = parentOf(pid);
  for (let depth = 0; depth < ANCESTORS_MAX && at > 1; depth += 1) {
    const mark = markOf(at);
    if (mark === undefined || !LAUNCHER.test(commandOf(at))) break;
    found.push(mark);
    at = parentOf(at);
  }
  return found;
}

export function isLauncher(command: string): boolean {
  return LAUNCHER.test(command);
}

function commandOf(pid: number): string {
  if (process.platform !== "linux")
    return Bun.spawnSync(["ps", "-o", "args=", "-p", String(pid)])
      .stdout.toString()
      .trim();
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ").trim();
  } catch {
    return "";
  }
}

/**
 * Runs Bun with these arguments in our place: same terminal, same exit status, signals passed on. It is asked to stop
 * when a launcher dies.
 */
export async function relay(args: readonly string[], launchers: readonly ProcessMark[]): Promise<number> {
  const child = Bun.spawn([process.execPath, ...args], { stdio: ["inherit", "inherit", "inherit"] });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => child.kill(signal));
  const watch = setInterval(() => {
    if (launchers.every(isAlive)) return;
    clearInterval(watch);
    child.kill("SIGTERM");
  }, POLL_MS);
  const status = await child.exited;
  clearInterval(watch);
  return child.signalCode === null ? status : 128 + signalNumber(String(child.signalCode));
}

function signalNumber(name: string): number {
  return { SIGHUP: 1, SIGINT: 2, SIGKILL: 9, SIGTERM: 15 }[name] ?? 1;
}
