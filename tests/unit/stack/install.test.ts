import { expect, test } from "bun:test";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fingerprint, installDependencies } from "@millrace/stack/install";
import { tempHome } from "../../support/servers.ts";

async function project(manifest: object): Promise<string> {
  const folder = await tempHome();
  writeFileSync(join(folder, "package.json"), JSON.stringify(manifest));
  return folder;
}

test("any package.json and the lock file change the fingerprint", async () => {
  const folder = await project({ name: "x" });
  const seen = new Set([fingerprint(folder)]);
  for (const path of [
    "bun.lock",
    "apps/api/package.json",
    "packages/core/package.json",
    "tests/package.json",
  ]) {
    mkdirSync(join(folder, path, ".."), { recursive: true });
    writeFileSync(join(folder, path), "{}");
    seen.add(fingerprint(folder));
  }
  expect(seen.size).toBe(5);
  expect(seen.has(fingerprint(folder))).toBe(true);
});

test("two at once install once, and a third has nothing to do", async () => {
  const folder = await project({ name: "x", dependencies: { y: "file:./y" } });
  mkdirSync(join(folder, "y"));
  writeFileSync(join(folder, "y/package.json"), JSON.stringify({ name: "y", version: "1.0.0" }));
  Bun.spawnSync([process.execPath, "install"], { cwd: folder }); // Makes the lock file.
  rmSync(join(folder, "node_modules"), { recursive: true });
  const said: string[] = [];
  const install = () => installDependencies(folder, (line) => said.push(line));
  expect(await Promise.all([install(), install()])).toEqual([true, true]);
  expect(said.filter((line) => line.startsWith("installing"))).toHaveLength(1);
  const before = said.length;
  expect(await install()).toBe(true);
  expect(said).toHaveLength(before);
});

test("a lock file that does not fit is told, and is a failure", async () => {
  const folder = await project({ name: "x", dependencies: { "@millrace/none": "1.0.0" } });
  const said: string[] = [];
  expect(await installDependencies(folder, (line) => said.push(line))).toBe(false);
  expect(said.join("\n")).toMatch(/failed \(exit \d+\)/);
});
