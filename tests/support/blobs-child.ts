import { readFileSync, writeFileSync } from "node:fs";
import type { Blobs } from "@millrace/blobs";
import { bytesAt, MIB, openStorage, type Storage, source } from "./blobs.ts";

/** A process that works on blobs, to be killed or measured. It says how it goes on, a line at a time. */
export interface Orders {
  readonly storage: Storage;
  readonly work: "stall-in-write" | "stall-in-append" | "measure" | "fill";
  readonly bytes: number;
}

const { storage, work, bytes }: Orders = JSON.parse(process.argv[2] ?? "{}");
const blobs = await openStorage(storage);
const ALL = { bytesMax: 1024 * MIB };

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

async function* stalling(): AsyncGenerator<Uint8Array> {
  yield* source(bytes);
  say("stalled");
  await new Promise(() => undefined);
}

/** The same chunk again and again: what is measured is not the source. */
async function* cheap(length: number): AsyncGenerator<Uint8Array> {
  const chunk = bytesAt(0, 64 * 1024);
  for (let done = 0; done < length; done += chunk.byteLength) {
    await new Promise<void>((resolve) => setImmediate(resolve));
    yield chunk;
  }
}

function statusKb(name: "VmHWM" | "VmRSS"): number {
  return Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(readFileSync("/proc/self/status", "utf8"))?.[1]);
}

/** When garbage is collected is chance: a growth beyond this is measured once more, and the lesser one counts. */
const DOUBTFUL_BYTES = 12 * MIB;

/** By how many bytes the process grew at most while it did this, in Linux's own count. */
async function growthOf(task: () => Promise<unknown>): Promise<number> {
  const growth = await growthOfOne(task);
  return growth < DOUBTFUL_BYTES ? growth : Math.min(growth, await growthOfOne(task));
}

async function growthOfOne(task: () => Promise<unknown>): Promise<number> {
  Bun.gc(true);
  writeFileSync("/proc/self/clear_refs", "5");
  const beforeKb = statusKb("VmRSS");
  await task();
  return (statusKb("VmHWM") - beforeKb) * 1024;
}

async function drain(from: Blobs, key: string): Promise<void> {
  const reading = await from.read(key);
  for await (const _ of reading?.stream ?? []) await new Promise<void>((resolve) => setImmediate(resolve));
}

async function measure(): Promise<void> {
  const upload = async (key: string, length: number) => {
    await blobs.uploads.discard(key);
    await blobs.uploads.begin(key);
    await blobs.uploads.append(key, cheap(length), { ...ALL, offset: 0 });
    await blobs.uploads.finish(key);
  };
  // Code is loaded and compiled, buffers are had once.
  await blobs.write("warm", cheap(11 * MIB), ALL);
  await drain(blobs, "warm");
  await upload("warm-upload", 11 * MIB);
  const write = await growthOf(() => blobs.write("large", cheap(bytes), ALL));
  const read = await growthOf(() => drain(blobs, "large"));
  const append = await growthOf(() => upload("upload", bytes));
  say(JSON.stringify({ write, read, append }));
}

switch (work) {
  case "stall-in-write":
    await blobs.write("half", stalling(), ALL);
    break;
  case "stall-in-append":
    await blobs.uploads.begin("half");
    await blobs.uploads.append("half", stalling(), { ...ALL, offset: 0 });
    break;
  case "measure":
    await measure();
    break;
  case "fill": {
    const written = await blobs.write("full", source(bytes), ALL).catch((error: unknown) => error);
    await blobs.uploads.begin("part");
    const appended = await blobs.uploads
      .append("part", source(bytes), { ...ALL, offset: 0 })
      .catch((error: unknown) => error);
    const codes = [written, appended].map((error) =>
      error instanceof Error && "code" in error ? error.code : "none",
    );
    say(JSON.stringify({ codes, offset: await blobs.uploads.offset("part") }));
  }
}
