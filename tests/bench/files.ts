/**
 * Operations on files of 100 MB, in a thread as the worker runs them, from file to file. `uppercase` of ASCII is compared
 * with `LC_ALL=C tr a-z A-Z` on the same file, one after the other, the best of some rounds each: the disk's moods and
 * its first writes are no part of either.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { FileOperationName } from "@millrace/protocol/file-operations/index";
import { type FilePool, processFile, startFilePool } from "@millrace/worker/files/process-file";

const SIZE = 100 * 1024 * 1024;
const ROUNDS = 5;
const LIMIT_MS = 120_000;

const ASCII = "The quick brown fox jumps over the lazy dog, 12345 times!\n";
const MIXED = "straße Ελλάς привет naïve 日本語 😀, and plain words of ASCII again and again\n";
const TABLE = '17,some name,"quoted, ""x""",3.1415,2024-01-02,true\n';

interface Measured {
  readonly operation: FileOperationName;
  readonly content: string;
  readonly line: string;
  readonly header?: string;
}

const MEASURED: readonly Measured[] = [
  { operation: "uppercase", content: "mixed scripts", line: MIXED },
  { operation: "text-stats", content: "ASCII", line: ASCII },
  { operation: "csv-profile", content: "6 columns", line: TABLE, header: "id,name,note,value,day,flag\n" },
  { operation: "checksum", content: "all three", line: ASCII },
  { operation: "gzip", content: "level 6", line: MIXED },
];

export async function benchFiles(say: (line: string) => void): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "millrace-bench-"));
  const pool = await startFilePool({ threads: 1 });
  try {
    await compareWithTr(pool, await fill(folder, ASCII), say);
    for (const { operation, content, line, header } of MEASURED) {
      const path = await fill(folder, line, header);
      const bestOf = await bestMs(2, () => run(pool, operation, path));
      say(`${`${operation}, ${content}:`.padEnd(27)} ${rate(bestOf)}`);
    }
  } finally {
    await pool.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

/** `uppercase` alone. */
export async function benchUppercase(say: (line: string) => void): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "millrace-bench-"));
  const pool = await startFilePool({ threads: 1 });
  try {
    await compareWithTr(pool, await fill(folder, ASCII), say);
  } finally {
    await pool.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

async function compareWithTr(pool: FilePool, path: string, say: (line: string) => void): Promise<void> {
  const ours = await bestMs(ROUNDS, () => run(pool, "uppercase", path));
  const theirs = await bestMs(ROUNDS, () => tr(path));
  say(`uppercase, ASCII:           ${rate(ours)}; tr ${rate(theirs)}; ratio ${(theirs / ours).toFixed(2)}`);
}

async function fill(folder: string, line: string, header = ""): Promise<string> {
  const path = join(folder, "input");
  await Bun.write(path, header + line.repeat(Math.ceil(SIZE / Buffer.byteLength(line))));
  return path;
}

async function run(pool: FilePool, operation: FileOperationName, inputPath: string): Promise<void> {
  const outputPath = `${inputPath}.result`;
  await rm(outputPath, { force: true });
  const work = { operation, options: {}, inputPath, outputPath };
  const outcome = await processFile(pool, work, { owner: "bench", timeoutMs: LIMIT_MS });
  if (outcome.kind === "failed") throw new Error(`${operation}: ${outcome.error.message}`);
}

async function tr(inputPath: string): Promise<void> {
  const outputPath = `${inputPath}.result`;
  await rm(outputPath, { force: true });
  const child = Bun.spawn(["tr", "a-z", "A-Z"], {
    stdin: Bun.file(inputPath),
    stdout: Bun.file(outputPath),
    env: { LC_ALL: "C", PATH: "/usr/bin:/bin" },
  });
  if ((await child.exited) !== 0) throw new Error("tr failed");
}

async function bestMs(rounds: number, once: () => Promise<void>): Promise<number> {
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < rounds; round += 1) {
    const startedAt = performance.now();
    await once();
    best = Math.min(best, performance.now() - startedAt);
  }
  return best;
}

function rate(ms: number): string {
  return `${Math.round(SIZE / 1_000 / ms)} MB/s`;
}
