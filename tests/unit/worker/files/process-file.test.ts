import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { Json } from "@millrace/core";
import type { JobOutcome, ThreadEvent } from "@millrace/pool";
import { FILE_OPERATION_NAMES } from "@millrace/protocol/file-operations/index";
import { type FilePool, processFile, startFilePool } from "@millrace/worker/files/process-file";
import type { FileResult } from "@millrace/worker/files/run-file";
import { scratch } from "../../../support/scratch.ts";

const SIZE = 100 * 1024 * 1024;
const LONG_MS = 60_000;
const events: ThreadEvent[] = [];
let pool: FilePool;
let folder: string;
let outputs = 0;

beforeAll(async () => {
  folder = (await scratch()).folder("files");
  pool = await startFilePool({ threads: 2, onThread: (event) => events.push(event) });
});
afterAll(() => pool.stop());

interface Given {
  readonly options?: Json;
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: number) => void;
}

async function run(
  operation: string,
  inputPath: string,
  { options = {}, timeoutMs = LONG_MS, ...rest }: Given = {},
): Promise<{ outcome: JobOutcome<FileResult>; outputPath: string }> {
  outputs += 1;
  const outputPath = join(folder, `output-${outputs}`);
  const work = { operation, options, inputPath, outputPath };
  return { outcome: await processFile(pool, work, { owner: "ann", timeoutMs, ...rest }), outputPath };
}

test("each operation has its module, and each module its operation", async () => {
  const files = await readdir(new URL("../../../../apps/worker/files/operations", import.meta.url).pathname);
  expect(files.sort()).toEqual(FILE_OPERATION_NAMES.map((name) => `${name}.ts`).sort());
  for (const name of FILE_OPERATION_NAMES) {
    const module = await import(`@millrace/worker/files/operations/${name}`);
    expect(module.default.operation).toBe(name);
  }
});

describe("100 MB", () => {
  test(
    "of many scripts become what their characters become one by one",
    async () => {
      // Its length is no multiple of a piece's, so that pieces end at all places of it.
      const block =
        "straße Ελλάς привет ŉ naïve ǆ 日本語 😀 plain words of ASCII, again and again\r\n".repeat(4_001);
      const path = join(folder, "mixed.txt");
      const bytes = await writeRepeated(path, block);
      const upper = [...block].map((character) => character.toUpperCase()).join("");
      const expected = new Bun.CryptoHasher("sha256");
      for (let n = 0; n < bytes.times; n += 1) expected.update(upper);

      const before = peakMb();
      const { outcome, outputPath } = await run("uppercase", path);
      expect(peakMb() - before).toBeLessThan(64);
      expect(outcome).toMatchObject({
        kind: "done",
        result: { extension: null, bytes: Buffer.byteLength(upper) * bytes.times },
      });
      const found = new Bun.CryptoHasher("sha256");
      for await (const piece of Bun.file(outputPath).stream()) found.update(piece);
      expect(found.digest("hex")).toBe(expected.digest("hex"));
    },
    LONG_MS,
  );

  test(
    "of log lines are counted within bounds of time and memory, with progress on the way",
    async () => {
      const line = "2024-01-01 level=info the quick brown fox isn't lazy\n";
      const path = join(folder, "lines.txt");
      const { times } = await writeRepeated(path, line.repeat(10_000));
      const heard: number[] = [];
      const before = peakMb();
      const { outcome } = await run("text-stats", path, { onProgress: (progress) => heard.push(progress) });
      expect(peakMb() - before).toBeLessThan(64);
      expect(outcome).toMatchObject({
        kind: "done",
        result: { summary: { lines: times * 10_000, words: times * 10_000 * 9 } },
      });
      expect(heard.length).toBeGreaterThan(0);
      expect(heard).toEqual([...heard].sort((one, other) => one - other));
    },
    LONG_MS,
  );
});

test.each(FILE_OPERATION_NAMES)("an empty file gives %s a decided end", async (operation) => {
  const path = join(folder, "empty");
  await Bun.write(path, "");
  const { outcome, outputPath } = await run(operation, path);
  if (operation === "thumbnail") {
    expect(outcome).toMatchObject({ kind: "failed", error: { code: "INPUT_INVALID" }, isRetryable: false });
    expect(existsSync(outputPath)).toBe(false);
  } else {
    expect(outcome.kind).toBe("done");
    expect(existsSync(outputPath)).toBe(true);
  }
});

test("an operation that does not exist is refused", async () => {
  const path = join(folder, "some");
  await Bun.write(path, "some");
  for (const name of ["nope", "../run-file", "constructor", ""])
    expect((await run(name, path)).outcome).toMatchObject({
      kind: "failed",
      error: { code: "PAYLOAD_INVALID" },
      isRetryable: false,
    });
});

test("an output that exists is not touched, and an input that does not is an error", async () => {
  const path = join(folder, "taken");
  await Bun.write(path, "mine");
  const work = { operation: "uppercase", options: {}, inputPath: path, outputPath: path };
  await expect(processFile(pool, work, { owner: "ann", timeoutMs: LONG_MS })).rejects.toThrow("EEXIST");
  expect(await Bun.file(path).text()).toBe("mine");
  await expect(run("uppercase", join(folder, "nowhere"))).rejects.toThrow("ENOENT");
});

describe("a file that takes too long", () => {
  test(
    "is stopped at its limit, thirty times, and leaves no thread, open file, output or memory behind",
    async () => {
      const path = join(folder, "long");
      await writeRepeated(
        path,
        new Uint8Array(1024 * 1024).map(() => Math.random() * 256),
      );
      const image = join(folder, "long.jpg");
      const { default: sharp } = await import("sharp");
      await sharp({ create: { width: 9_000, height: 9_000, channels: 3, background: "red" } })
        .png({ compressionLevel: 1 })
        .toFile(image);
      const kill = async (n: number): Promise<void> => {
        const isImage = n % 3 === 2;
        const { outcome, outputPath } = await run(
          isImage ? "thumbnail" : n % 3 === 1 ? "checksum" : "gzip",
          isImage ? image : path,
          { timeoutMs: 20 },
        );
        expect(outcome).toMatchObject({ kind: "failed", error: { code: "TIMEOUT" }, isRetryable: true });
        expect(existsSync(outputPath)).toBe(false);
      };
      // Libraries and allocators take what they keep: after six rounds they still grew by up to 48 MB, after thirty by less than 15.
      for (let n = 0; n < 30; n += 1) await kill(n);
      const before = resources();
      for (let n = 0; n < 30; n += 1) await kill(n);
      expect((await run("checksum", image)).outcome.kind).toBe("done");
      await settled(() => resources().threads <= before.threads + 2);
      const after = resources();
      expect(after.files).toBeLessThanOrEqual(before.files);
      expect(after.threads).toBeLessThanOrEqual(before.threads + 2);
      expect(after.rssMb - before.rssMb).toBeLessThan(30);
      expect(events).toEqual([]); // It stopped by itself: no thread had to be killed.
    },
    LONG_MS,
  );

  test("an abort ends it with the reason of the abort", async () => {
    const why = new Error("drained");
    const abort = new AbortController();
    const running = run("gzip", join(folder, "long"), {
      options: { level: 9 },
      signal: abort.signal,
      onProgress: () => abort.abort(why),
    });
    const end = running.catch((reason: unknown) => reason); // `rejects` would hold up messages of threads.
    expect(await end).toBe(why);
    expect(events).toEqual([]);
  });
});

async function writeRepeated(path: string, block: string | Uint8Array): Promise<{ times: number }> {
  const times = Math.ceil(SIZE / Buffer.byteLength(block));
  const writer = Bun.file(path).writer();
  for (let n = 0; n < times; n += 1) {
    writer.write(block);
    await writer.flush();
  }
  await writer.end();
  return { times };
}

async function settled(isTrue: () => boolean): Promise<void> {
  const endMs = performance.now() + 5_000;
  while (!isTrue() && performance.now() < endMs) await Bun.sleep(5);
}

const isLinux = process.platform === "linux";

function resources(): { threads: number; files: number; rssMb: number } {
  if (!isLinux) return { threads: 0, files: 0, rssMb: 0 };
  const count = (path: string) => readdirSync(path).length;
  return { threads: count("/proc/self/task"), files: openFiles(), rssMb: statusMb("VmRSS") };
}

/** Files of these tests that are open in this process. */
function openFiles(): number {
  return readdirSync("/proc/self/fd").filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).startsWith(folder);
    } catch {
      return false; // Closed since.
    }
  }).length;
}

/** The most that this process has ever had. */
function peakMb(): number {
  return isLinux ? statusMb("VmHWM") : 0;
}

function statusMb(name: string): number {
  const status = readFileSync("/proc/self/status", "utf8");
  return Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1]) / 1_000;
}
