import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { type JobOutcome, type ThreadEvent, ThreadPool } from "@millrace/pool";
import type { TestJob } from "./job-thread.ts";

const FILENAME = new URL("./job-thread.ts", import.meta.url).pathname;
const THREADS = 2;
const LONG_MS = 20_000;

const events: ThreadEvent[] = [];
let pool: ThreadPool<TestJob, number>;

beforeAll(async () => {
  pool = await ThreadPool.start({
    filename: FILENAME,
    threads: THREADS,
    waitingMax: 20,
    stopMsMax: 20,
    onThread: (event) => events.push(event),
  });
});
afterAll(() => pool.stop());

function run(job: TestJob, signal?: AbortSignal, timeoutMs = LONG_MS): Promise<JobOutcome<number>> {
  return pool.run(job, { owner: "ann", timeoutMs, ...(signal === undefined ? {} : { signal }) });
}

/** Two flags that both sides see: how many run, and whether they may end. */
function flags(): Int32Array<SharedArrayBuffer> {
  return new Int32Array(new SharedArrayBuffer(8));
}

async function until(isTrue: () => boolean, what: string): Promise<void> {
  const endMs = performance.now() + LONG_MS;
  while (!isTrue()) {
    if (performance.now() > endMs) throw new Error(`waited in vain until ${what}`);
    await Bun.sleep(1);
  }
}

test("a job's result comes back", async () => {
  expect(await run({ kind: "add", numbers: [1, 2, 3] })).toEqual({ kind: "done", result: 6 });
});

test("a named failure keeps its code and its verdict on the way out of the thread", async () => {
  expect(await run({ kind: "refuse" })).toEqual({
    kind: "failed",
    error: { code: "INPUT_INVALID", message: "line 7 is not CSV" },
    isRetryable: false,
  });
});

test("a throw without a code is a HANDLER_ERROR, which may be tried again", async () => {
  expect(await run({ kind: "throw" })).toEqual({
    kind: "failed",
    error: { code: "HANDLER_ERROR", message: "job says no" },
    isRetryable: true,
  });
});

describe("a thread that dies", () => {
  test.each<TestJob>([{ kind: "exit", code: 0 }, { kind: "exit", code: 3 }, { kind: "throw_late" }])(
    "by %p fails its own job alone, as THREAD_DIED, and is replaced",
    async (deadly) => {
      const other = flags();
      const survivor = run({ kind: "wait", flags: other });
      await until(() => other[0] === 1, "the other job runs");
      const outcome = await run(deadly);
      expect(outcome).toMatchObject({ kind: "failed", error: { code: "THREAD_DIED" }, isRetryable: true });
      Atomics.store(other, 1, 1);
      expect(await survivor).toEqual({ kind: "done", result: 0 });
      expect(await run({ kind: "add", numbers: [4] })).toEqual({ kind: "done", result: 4 });
    },
  );
});

describe("stopping", () => {
  test("an endless loop ends as TIMEOUT at its limit", async () => {
    const startMs = performance.now();
    const outcome = await run({ kind: "loop" }, undefined, 50);
    expect(outcome).toEqual({
      kind: "failed",
      error: { code: "TIMEOUT", message: "it ran longer than 0.05 s" },
      isRetryable: true,
    });
    expect(performance.now() - startMs).toBeLessThan(5_000);
  });

  test("an aborted loop rejects with the signal's own reason", async () => {
    const abort = new AbortController();
    const why = new Error("cancelled by its owner");
    const running = run({ kind: "loop" }, abort.signal);
    await until(() => pool.counts.busy === 1, "the job runs");
    abort.abort(why);
    await expect(running).rejects.toBe(why);
  });

  test("an abort before the start never reaches a thread", async () => {
    const before = events.length;
    const why = new Error("changed my mind");
    await expect(run({ kind: "loop" }, AbortSignal.abort(why))).rejects.toBe(why);
    expect(events.length).toBe(before);
  });

  test("an abort while waiting forgets the job and leaves the running ones alone", async () => {
    const shared = flags();
    const running = [1, 2].map(() => run({ kind: "wait", flags: shared }));
    await until(() => shared[0] === THREADS, "all threads are busy");
    const abort = new AbortController();
    const waiting = run({ kind: "add", numbers: [1] }, abort.signal);
    const why = new Error("gone");
    abort.abort(why);
    await expect(waiting).rejects.toBe(why);
    expect(pool.counts).toEqual({ threads: THREADS, busy: THREADS, waiting: 0 });
    Atomics.store(shared, 1, 1);
    expect(await Promise.all(running)).toEqual([
      { kind: "done", result: 0 },
      { kind: "done", result: 0 },
    ]);
  });

  test("a job that reports, or waits for native code, ends by itself, and its thread lives on", async () => {
    const told: ThreadEvent[] = [];
    const patient = await ThreadPool.start<TestJob, number>({
      filename: FILENAME,
      threads: 1,
      onThread: (event) => told.push(event),
    });
    const reporting: TestJob = { kind: "report", times: 10, forMs: LONG_MS };
    const options = { owner: "ann", timeoutMs: LONG_MS };
    expect(await patient.run(reporting, { ...options, timeoutMs: 20 })).toMatchObject({
      error: { code: "TIMEOUT" },
    });
    const why = new Error("drained");
    const first = new AbortController();
    const onProgress = (): void => first.abort(why);
    const stopped = patient.run(reporting, { ...options, signal: first.signal, onProgress });
    // Bun's `rejects` turns the event loop by itself, and hears no message of a thread meanwhile.
    expect(await stopped.catch((reason: unknown) => reason)).toBe(why);
    const second = new AbortController();
    const shared = flags();
    const native = patient.run({ kind: "native", flags: shared }, { ...options, signal: second.signal });
    await until(() => shared[0] === 1, "the job waits for native code");
    second.abort(why);
    expect(await native.catch((reason: unknown) => reason)).toBe(why);
    expect(Atomics.load(shared, 1)).toBe(1); // Its work was waited for.
    await patient.stop();
    expect(told).toEqual([]);
  });

  test("thirty kills leave as many threads as there were, and no more memory", async () => {
    const kill = () => run({ kind: "loop" }, undefined, 5);
    for (let n = 0; n < 5; n += 1) await kill(); // The allocator warms up.
    await run({ kind: "add", numbers: [] });
    const before = { threads: threadCount(), rssMb: rssMb() };
    for (let n = 0; n < 30; n += 1) expect(await kill()).toMatchObject({ error: { code: "TIMEOUT" } });
    await Promise.all([1, 2].map(() => run({ kind: "add", numbers: [] })));
    await until(() => threadCount() <= before.threads + 1, "killed threads are gone");
    expect(rssMb() - before.rssMb).toBeLessThan(25);
  });
});

test("no more jobs run at once than there are threads, and all of them end", async () => {
  const shared = flags();
  const all = Array.from({ length: 10 }, () => run({ kind: "wait", flags: shared }));
  await until(() => shared[0] === THREADS, "the threads are busy");
  expect(pool.counts).toEqual({ threads: THREADS, busy: THREADS, waiting: 8 });
  await run({ kind: "add", numbers: [] }, AbortSignal.timeout(30)).catch(() => {});
  expect(Atomics.load(shared, 0)).toBe(THREADS);
  Atomics.store(shared, 1, 1);
  expect((await Promise.all(all)).every((outcome) => outcome.kind === "done")).toBe(true);
  expect(pool.counts).toEqual({ threads: THREADS, busy: 0, waiting: 0 });
});

test("more jobs than may wait are refused with OVERLOADED", async () => {
  const shared = flags();
  const taken = Array.from({ length: THREADS + 20 }, () => run({ kind: "wait", flags: shared }));
  await expect(run({ kind: "add", numbers: [] })).rejects.toMatchObject({ code: "OVERLOADED" });
  Atomics.store(shared, 1, 1);
  await Promise.all(taken);
});

test("who has many jobs waiting does not make others wait for them", async () => {
  const [first, second] = [flags(), flags()];
  const running = [1, 2].map(() => run({ kind: "wait", flags: first }));
  await until(() => first[0] === THREADS, "all threads are busy");
  const ofMany = { owner: "many", timeoutMs: LONG_MS };
  const many = Array.from({ length: 10 }, () => pool.run({ kind: "wait", flags: second }, ofMany));
  const few = pool.run({ kind: "add", numbers: [7] }, { owner: "few", timeoutMs: LONG_MS });
  Atomics.store(first, 1, 1);
  // None of the many can end before this one has: it got the second thread, although it came last.
  expect(await few).toEqual({ kind: "done", result: 7 });
  Atomics.store(second, 1, 1);
  await Promise.all([...many, ...running]);
});

test("progress arrives at most every 200 ms, however often it is reported", async () => {
  const heard: number[] = [];
  await pool.run(
    { kind: "report", times: 1_000, forMs: 700 },
    { owner: "ann", timeoutMs: LONG_MS, onProgress: (progress) => heard.push(progress) },
  );
  expect(heard.length).toBeGreaterThanOrEqual(1);
  expect(heard.length).toBeLessThanOrEqual(4);
  expect(heard.every((progress) => progress >= 0 && progress <= 1)).toBe(true);
});

describe("memory", () => {
  test("a thread that holds much after its job is replaced by a fresh one", async () => {
    const before = events.filter((event) => event.kind === "recycled").length;
    const outcome = await run({ kind: "hoard", bytes: 100_000_000, isLooping: false });
    expect(outcome.kind).toBe("done");
    expect(events.filter((event) => event.kind === "recycled").length).toBe(before + 1);
    expect(await run({ kind: "add", numbers: [2] })).toEqual({ kind: "done", result: 2 });
  });

  test("a job that grows without end is stopped before the process is", async () => {
    const small = await ThreadPool.start<TestJob, number>({
      filename: FILENAME,
      threads: 1,
      heapBytesDeadly: 50_000_000,
    });
    const outcome = await small.run(
      { kind: "hoard", bytes: 80_000_000, isLooping: true },
      { owner: "ann", timeoutMs: LONG_MS },
    );
    expect(outcome).toMatchObject({ kind: "failed", error: { code: "MEMORY_EXCEEDED" } });
    await small.stop();
  });
});

test("a pool whose module cannot be loaded says so instead of starting", async () => {
  const starting = ThreadPool.start({ filename: "/nowhere/thread.ts", threads: 1, bootMsMax: 5_000 });
  await expect(starting).rejects.toThrow("the threads of /nowhere/thread.ts do not start");
});

test("a drained pool has finished what it had, and takes nothing more", async () => {
  const small = await ThreadPool.start<TestJob, number>({ filename: FILENAME, threads: 1 });
  const shared = flags();
  const options = { owner: "ann", timeoutMs: LONG_MS };
  const running = small.run({ kind: "wait", flags: shared }, options);
  const waiting = small.run({ kind: "add", numbers: [5] }, options);
  const drained = small.drain();
  await expect(small.run({ kind: "add", numbers: [] }, options)).rejects.toMatchObject({
    code: "OVERLOADED",
  });
  Atomics.store(shared, 1, 1);
  await drained;
  expect(await running).toEqual({ kind: "done", result: 0 });
  expect(await waiting).toEqual({ kind: "done", result: 5 });
  await small.stop();
});

function threadCount(): number {
  return process.platform === "linux" ? readdirSync("/proc/self/task").length : 0;
}

function rssMb(): number {
  if (process.platform !== "linux") return 0;
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync("/proc/self/status", "utf8"))?.[1]) / 1_000;
}
