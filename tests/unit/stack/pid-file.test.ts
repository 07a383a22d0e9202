import { expect, test } from "bun:test";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PidFile, stopLeftovers } from "@millrace/stack/pid-file";
import { isAlive, markOf, parentOf } from "@millrace/stack/process-mark";
import { tempHome } from "../../support/servers.ts";

function sleeper() {
  return Bun.spawn(["sleep", "60"], { stdio: ["ignore", "ignore", "ignore"] });
}

test("what a file names is stopped, and the file is gone", async () => {
  const path = join(await tempHome(), "pids.json");
  const child = sleeper();
  new PidFile(path).add("worker", child.pid);
  expect(await stopLeftovers(path)).toEqual(["worker"]);
  expect(await child.exited).toBeGreaterThan(0);
  expect(existsSync(path)).toBe(false);
});

test("a process that only has the same pid by now is left alone", async () => {
  const path = join(await tempHome(), "pids.json");
  const child = sleeper();
  new PidFile(path).add("worker", child.pid);
  const [record] = JSON.parse(readFileSync(path, "utf8"));
  writeFileSync(path, JSON.stringify([{ ...record, bornAt: "another time" }]));
  expect(await stopLeftovers(path)).toEqual([]);
  expect(child.exitCode).toBeNull();
  child.kill();
});

test("what does not listen to SIGTERM is killed", async () => {
  const path = join(await tempHome(), "pids.json");
  const script = "trap '' TERM; echo up; while :; do sleep 0.05; done";
  const child = Bun.spawn(["sh", "-c", script], { stdin: "ignore", stdout: "pipe" });
  await child.stdout.getReader().read();
  new PidFile(path).add("worker", child.pid);
  expect(await stopLeftovers(path, 200)).toEqual(["worker"]);
  await child.exited;
  expect(child.signalCode).toBe("SIGKILL");
});

test.each([
  ["", "no file"],
  ["{", "half a file"],
  ['[{"name":"x","pid":1,"bornAt":"y"}]', "pid 1"],
  ["[null, 7]", "nonsense"],
])("%p names nobody (%s)", async (text) => {
  const path = join(await tempHome(), "pids.json");
  if (text !== "") writeFileSync(path, text);
  expect(await stopLeftovers(path)).toEqual([]);
});

test("a mark is alive while its process is, and not a moment longer", async () => {
  const child = sleeper();
  const mark = markOf(child.pid);
  if (mark === undefined) throw new Error("no mark of a running process");
  expect(isAlive(mark)).toBe(true);
  expect(parentOf(child.pid)).toBe(process.pid);
  child.kill("SIGKILL");
  await child.exited;
  expect(isAlive(mark)).toBe(false);
});

test("a zombie is dead: its parent has not asked for it yet", async () => {
  // The shell becomes `sleep`, which never asks what became of the shell's child.
  const parent = Bun.spawn(["sh", "-c", "sh -c 'echo $$' & exec sleep 60"], {
    stdin: "ignore",
    stdout: "pipe",
  });
  const { value } = await parent.stdout.getReader().read();
  const pid = Number(new TextDecoder().decode(value));
  const deadlineMs = performance.now() + 5_000;
  while (markOf(pid) !== undefined && performance.now() < deadlineMs) await Bun.sleep(5);
  expect(markOf(pid)).toBeUndefined();
  expect(() => process.kill(pid, 0)).not.toThrow(); // It is still in the table.
  parent.kill();
});
