/** The oldest server that fires schedules: older ones accept them and stay silent. */
export const NATS_VERSION_MIN = "2.14.0";
const ASK_MS = 10_000;

/** `2.15.1` of `nats-server: v2.15.1`; undefined when this is no such line. */
export function parseNatsVersion(output: string): string | undefined {
  return /^nats-server: v(\d+\.\d+\.\d+)/m.exec(output)?.[1];
}

export function isNewEnough(version: string, minimum = NATS_VERSION_MIN): boolean {
  const given = version.split(".").map(Number);
  const wanted = minimum.split(".").map(Number);
  for (const [place, want] of wanted.entries()) {
    const have = given[place] ?? 0;
    if (have !== want) return have > want;
  }
  return true;
}

/** Runs the binary for its version. Undefined when it cannot be run, or is something else. */
export function versionOf(binary: string): string | undefined {
  try {
    const asked = Bun.spawnSync([binary, "--version"], { stdin: "ignore", timeout: ASK_MS });
    return parseNatsVersion(asked.stdout.toString());
  } catch {
    return undefined;
  }
}
