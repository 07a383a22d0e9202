import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { isAlive, markOf } from "@millrace/stack/process-mark";
import { THREAD_MODULE } from "@millrace/worker/files/process-file";
import { type AloneRun, runAlone } from "@millrace/worker/files/run-alone";
import { untilTrue } from "../../../support/running-stack.ts";
import { scratch } from "../../../support/scratch.ts";

const HOSTILE = join(import.meta.dirname, "../../../support/hostile-file-thread.ts");
const RUN_ALONE = join(import.meta.dirname, "../../../../apps/worker/files/run-alone.ts");
const ENDED_MS = 30_000;

async function newWork(content: string) {
  const folder = (await scratch()).folder("alone");
  const inputPath = join(folder, "input");
  await Bun.write(inputPath, content);
  return { operation: "uppercase", options: {}, inputPath, outputPath: join(folder, "output") };
}

async function run(content: string, options: Partial<AloneRun> = {}) {
  const work = await newWork(content);
  const outcome = await runAlone(work, { timeoutMs: ENDED_MS, threadModule: HOSTILE, ...options });
  return { outcome, work };
}

test(
  "a file is processed as in the worker, and the process ends",
  async () => {
    const { outcome, work } = await run("straße\n", { threadModule: THREAD_MODULE });
    expect(outcome).toMatchObject({ kind: "done", result: { bytes: 8 } });
    expect(await Bun.file(work.outputPath).text()).toBe("STRASSE\n");
  },
  ENDED_MS,
);

test.each([
  ["!kill", { kind: "died", how: "SIGKILL" }],
  ["!exit", { kind: "failed", error: { code: "THREAD_DIED" } }],
])(
  "%s is told, and leaves no output",
  async (order, expected) => {
    const { outcome, work } = await run(`${order}\n`);
    expect(outcome).toMatchObject(expected);
    expect(existsSync(work.outputPath)).toBe(false);
  },
  ENDED_MS,
);

test(
  "its time is bounded there as well",
  async () => {
    const { outcome } = await run("!loop\n", { timeoutMs: 200 });
    expect(outcome).toMatchObject({ kind: "failed", error: { code: "TIMEOUT" } });
  },
  ENDED_MS,
);

test(
  "what is no fault of the file is thrown",
  async () => {
    const work = { ...(await newWork("a")), inputPath: "/no/such/file" };
    const running = runAlone(work, { timeoutMs: ENDED_MS, threadModule: HOSTILE });
    expect(await running.catch((error: unknown) => error)).toMatchObject({
      message: expect.stringContaining("ENOENT"),
    });
  },
  ENDED_MS,
);

function childrenOf(pid: number): readonly number[] {
  const { stdout } = Bun.spawnSync(["ps", "-A", "-o", "pid=,ppid="]);
  const rows = stdout.toString().trim().split("\n");
  return rows
    .map((row) => row.trim().split(/\s+/).map(Number))
    .flatMap(([child = 0, parent]) => (parent === pid ? [child] : []));
}

test(
  "the process ends with its worker, when that is killed",
  async () => {
    const work = await newWork("!wait /no/such/file\n");
    const order = JSON.stringify({ timeoutMs: ENDED_MS, threadModule: HOSTILE });
    const code = `const { runAlone } = await import(${JSON.stringify(RUN_ALONE)});
      await runAlone(${JSON.stringify(work)}, { ...${order}, onProgress: () => process.stdout.write("on its way\\n") });`;
    const worker = Bun.spawn([process.execPath, "-e", code], { stdout: "pipe", stderr: "inherit" });
    await worker.stdout.getReader().read();
    const [child = 0] = childrenOf(worker.pid);
    const mark = markOf(child);
    if (mark === undefined) throw new Error("no process runs the file");
    expect(isAlive(mark)).toBe(true);
    worker.kill("SIGKILL");
    await untilTrue(() => !isAlive(mark), ENDED_MS, "the end of the process");
  },
  ENDED_MS,
);
