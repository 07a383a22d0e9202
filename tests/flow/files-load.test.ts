// Runs alone: it compares memory.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { watchMemory } from "../support/memory.ts";
import { untilTrue } from "../support/running-stack.ts";
import { scratch } from "../support/scratch.ts";
import { startTaskStack, type TaskStack } from "../support/task-stack.ts";

const MIB = 1024 * 1024;
const SIZE = 100 * MIB;
const THREADS = 2;
const GROWTH_BYTES_MAX = 200 * MIB;
const PROCESSED_MS = 120_000;
/** Every script and width of UTF-8; of characters that change their length in upper case, too. */
const LINE = "Straße ŉ ﬃ Ελλάς привет ǆ naïve 日本語 हिन्दी 😀𐐨 and plain words of ASCII, again and again\n";
const LINES = Math.floor(SIZE / Buffer.byteLength(LINE));

/** Whose files, and what is done with them. */
const FILES = [
  ...[
    ["a", "uppercase"],
    ["a", "checksum"],
    ["a", "uppercase"],
    ["a", "text-stats"],
  ],
  ...[
    ["b", "uppercase"],
    ["b", "checksum"],
    ["b", "checksum"],
  ],
  ...[
    ["c", "uppercase"],
    ["c", "text-stats"],
    ["c", "checksum"],
  ],
] as const;

let stack: TaskStack;
let path: string;
const tokens = new Map<string, string>();
beforeAll(async () => {
  stack = await startTaskStack({ MAX_FILE_WORKERS: String(THREADS), LOG_LEVEL: "WARNING" });
  for (const name of ["a", "b", "c"]) tokens.set(name, await stack.signUp(`${name}@example.org`));
  path = join((await scratch()).folder("upload"), "mixed.txt");
  await Bun.write(path, content());
}, 90_000);
afterAll(() => stack?.close());

/** Lines of mixed scripts, and spaces to the last byte. */
function content(): Buffer {
  const bytes = Buffer.alloc(SIZE, LINE);
  return bytes.fill(" ", LINES * Buffer.byteLength(LINE));
}

/** Of the same lines in upper case, as JavaScript has it. */
function referenceSha256(): string {
  const hash = new Bun.CryptoHasher("sha256");
  const upper = Buffer.from(LINE.toUpperCase());
  for (let n = 0; n < LINES; n += 1) hash.update(upper);
  return hash.update(" ".repeat(SIZE - LINES * Buffer.byteLength(LINE))).digest("hex");
}

interface FileView {
  readonly file_id: string;
  readonly status: string;
  readonly attempts: number;
  readonly size: number;
  readonly sha256: string;
  readonly summary: unknown;
  readonly result: { readonly sha256: string } | null;
}

const bearer = (name: string) => ({ Authorization: `Bearer ${tokens.get(name)}` });

/** In one request, as anybody would do it. */
async function sendByCurl(name: string, operation: string): Promise<FileView> {
  const identity = `Authorization: ${bearer(name).Authorization}`;
  const form = ["-F", `operation=${operation}`, "-F", `file=@${path}`, `${stack.apiUrl}/api/files`];
  const curl = Bun.spawn(["curl", "--silent", "--show-error", "--fail-with-body", "-H", identity, ...form], {
    stdout: "pipe",
    stderr: "inherit",
  });
  const text = await new Response(curl.stdout).text();
  expect({ status: await curl.exited, text }).toMatchObject({ status: 0 });
  return JSON.parse(text);
}

async function show(name: string, fileId: string): Promise<FileView> {
  const response = await fetch(`${stack.apiUrl}/api/files/${fileId}`, { headers: bearer(name) });
  return (await response.json()) as FileView; // What is not there fails below.
}

const isProcessing = async () => (await stack.sql`select 1 from open_tasks limit 1`).length > 0;

test("ten files of 100 MB of three users: two at a time, all results right, and little memory", async () => {
  const watch = watchMemory([await stack.pidOf("api"), await stack.pidOf("worker")]);
  const restingBytes = watch.peakBytes;
  const sent = await Promise.all(FILES.map(([name, operation]) => sendByCurl(name, operation)));
  await untilTrue(async () => !(await isProcessing()), PROCESSED_MS, "the files are processed");
  watch.stop();

  const sha256 = new Bun.CryptoHasher("sha256").update(content()).digest("hex");
  const upperSha256 = referenceSha256();
  for (const [index, { file_id }] of sent.entries()) {
    const [name, operation] = FILES[index] ?? ["", ""];
    const file = await show(name, file_id);
    expect(file).toMatchObject({ operation, status: "completed", attempts: 1, size: SIZE, sha256 });
    if (operation === "uppercase") expect(file.result?.sha256).toBe(upperSha256);
    if (operation === "checksum") expect(file.summary).toMatchObject({ sha256, bytes: SIZE });
    if (operation === "text-stats") expect(file.summary).toMatchObject({ lines: LINES + 1, bytes: SIZE });
  }
  expect(await mostAtOnce()).toBe(THREADS);

  const growth = `${Math.round((watch.peakBytes - restingBytes) / MIB)} MiB more`;
  expect({ growth, isLittle: watch.peakBytes - restingBytes < GROWTH_BYTES_MAX }).toEqual({
    growth,
    isLittle: true,
  });
}, 180_000);

/** Attempts that ran at the same moment. */
async function mostAtOnce(): Promise<number> {
  const runs = await stack.sql<{ started_at: Date; ended_at: Date }[]>`
    select started_at, ended_at from outcomes join tasks using (seq) where task_type = 'file.process'`;
  expect(runs).toHaveLength(FILES.length);
  const atOnce = runs.map(
    (run) => runs.filter((one) => one.started_at <= run.started_at && one.ended_at > run.started_at).length,
  );
  return Math.max(...atOnce);
}
