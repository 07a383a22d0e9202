let isAvailable: boolean | undefined;

/** util-linux has it, busybox has another one of the same name. */
function hasSetpriv(): boolean {
  if (process.platform !== "linux") return false;
  try {
    return Bun.spawnSync(["setpriv", "--pdeathsig", "TERM", "true"], { stdin: "ignore" }).exitCode === 0;
  } catch {
    return false;
  }
}

/**
 * The command such that Linux sends it a signal when we die, `kill -9` included (prctl PR_SET_PDEATHSIG). Elsewhere the
 * command itself: then a server outlives a killed stack until the next start finds and stops it.
 */
export function withParentDeathSignal(signal: "TERM" | "INT", command: readonly string[]): readonly string[] {
  isAvailable ??= hasSetpriv();
  return isAvailable ? ["setpriv", "--pdeathsig", signal, "--", ...command] : command;
}
