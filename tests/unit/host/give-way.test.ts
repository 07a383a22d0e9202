import { expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { getPriority } from "node:os";
import { join } from "node:path";
import { fileThreadsGiveWay, processGivesWay } from "@millrace/host";
import { scratch } from "../../support/scratch.ts";

const isLinux = process.platform === "linux";

function asleep(detached: boolean): Bun.Subprocess {
  return Bun.spawn(["sleep", "60"], { detached, stdio: ["ignore", "ignore", "ignore"] });
}

async function end(child: Bun.Subprocess): Promise<void> {
  child.kill("SIGKILL");
  await child.exited;
}

const groupOf = (pid: number | "self") => {
  const path = `/proc/${pid}/autogroup`;
  return existsSync(path)
    ? readFileSync(path, "utf8")
        .trim()
        .replace(/^.* nice /, "")
    : undefined;
};

test("a process gives way, and so does the session that it leads", async () => {
  const child = asleep(true);
  processGivesWay(child.pid, 7);
  expect(getPriority(child.pid)).toBe(7);
  expect(groupOf(child.pid)).toBe(existsSync("/proc/self/autogroup") ? "7" : undefined);
  await end(child);
});

test("who does not lead a session leaves the others of it alone", async () => {
  const child = asleep(false);
  const before = groupOf("self");
  processGivesWay(child.pid, 7);
  expect(getPriority(child.pid)).toBe(7);
  expect(groupOf("self")).toBe(before);
  await end(child);
});

test("a process that has ended is no failure", async () => {
  const child = asleep(true);
  await end(child);
  expect(() => processGivesWay(child.pid, 7)).not.toThrow();
});

/** Of this process, by name. */
function nicenessOfThreads(name: string): readonly number[] {
  return readdirSync("/proc/self/task").flatMap((thread) => {
    const comm = readFileSync(`/proc/self/task/${thread}/comm`, "utf8");
    return comm.startsWith(name) ? [getPriority(Number(thread))] : [];
  });
}

test("the threads that read and write files give way, and the event loop does not", async () => {
  const own = getPriority();
  const path = join((await scratch()).folder("give-way"), "file");
  await writeFile(path, "there are threads for it now");
  await readFile(path);
  fileThreadsGiveWay();
  if (isLinux) {
    const threads = nicenessOfThreads("Bun Pool");
    expect(threads.length).toBeGreaterThan(0);
    expect(new Set(threads)).toEqual(new Set([10]));
  }
  expect(getPriority()).toBe(own);
});

test("a thread gives way by itself", async () => {
  const source = `import { threadGivesWay } from "@millrace/host"; import { getPriority } from "node:os";
    threadGivesWay(); postMessage(getPriority());`;
  const path = join((await scratch()).folder("give-way"), "thread.ts");
  await writeFile(path, source.replace("@millrace/host", import.meta.resolve("@millrace/host")));
  const worker = new Worker(path);
  const { promise, resolve } = Promise.withResolvers<number>();
  worker.onmessage = ({ data }) => resolve(data);
  const own = getPriority();
  expect(await promise).toBe(isLinux ? 10 : own);
  expect(getPriority()).toBe(own);
  worker.terminate();
});
