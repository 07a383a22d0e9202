/**
 * What the scripts of the root package.json call. It needs nothing but Bun, since in a fresh clone there is nothing else
 * yet: it installs the dependencies when they are missing or old, and then runs the command with the same Bun, in the
 * same terminal. `bun` need not be on the PATH (`npx bun` puts it there for the scripts alone).
 */
import { join } from "node:path";
import { installDependencies } from "./install.ts";
import { launchersOf, relay } from "./relay.ts";

const PROJECT = join(import.meta.dirname, "../..");
const CLI = "apps/cli/main.ts";
/** What ends by itself when we die, rather than running on without a terminal. */
const STOP_WITH_PARENT = join(import.meta.dirname, "supervise/stop-with-parent.ts");

/** Script → what Bun is to run, from the root of the project. */
const COMMANDS: Readonly<Record<string, readonly string[]>> = {
  start: [CLI, "up"],
  test: ["packages/stack/run-tests.ts"],
  demo: [CLI, "demo"],
  check: ["packages/stack/run-checks.ts"],
  bench: ["tests/bench/main.ts"],
  millrace: [CLI],
};

async function main([name = "", ...args]: readonly string[]): Promise<number> {
  const command = COMMANDS[name];
  if (command === undefined) {
    process.stderr.write(
      `usage: bun packages/stack/bootstrap.ts ${Object.keys(COMMANDS).join("|")} [arguments]\n`,
    );
    return 2;
  }
  const launchers = launchersOf(process.pid);
  const installed = await installDependencies(PROJECT, (line) => process.stderr.write(`${line}\n`));
  if (!installed) return 1;
  const [entry = "", ...fixed] = command;
  return relay(["--preload", STOP_WITH_PARENT, join(PROJECT, entry), ...fixed, ...args], launchers);
}

process.exit(await main(process.argv.slice(2)));
