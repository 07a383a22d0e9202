/** `bun run check`: format, lint, types, and the tidy rules. Runs them all, then says which failed. */
import { existsSync } from "node:fs";
import { join } from "node:path";

const PROJECT = join(import.meta.dirname, "../..");

interface Check {
  readonly name: string;
  readonly args: readonly string[];
}

const CHECKS: readonly Check[] = [
  { name: "format and lint", args: [binary("biome"), "ci", "--error-on-warnings"] },
  { name: "types", args: [binary("tsc"), "--noEmit", "-p", "."] },
  // The page knows a browser and no Bun; everything else, the other way round.
  { name: "types of the dashboard", args: [binary("tsc"), "--noEmit", "-p", "apps/dashboard/page"] },
  { name: "tidy rules", args: ["test", "tests/tidy"] },
];

function binary(name: string): string {
  const path = join(PROJECT, "node_modules/.bin", name);
  return existsSync(path) ? path : join(PROJECT, "node_modules", name, "bin", name);
}

async function main(): Promise<number> {
  const failed: string[] = [];
  for (const { name, args } of CHECKS) {
    process.stdout.write(`${name} …\n`);
    const child = Bun.spawn([process.execPath, ...args], {
      cwd: PROJECT,
      stdio: ["ignore", "inherit", "inherit"],
    });
    if ((await child.exited) !== 0) failed.push(name);
  }
  process.stdout.write(failed.length === 0 ? "all checks passed\n" : `failed: ${failed.join(", ")}\n`);
  return failed.length === 0 ? 0 : 1;
}

process.exitCode = await main();
