/** The hashing thread: sha256 of many files that grow, each read from where it was left. */
import { readSync } from "node:fs";
import { parentPort } from "node:worker_threads";
import { threadGivesWay } from "@millrace/host";
import { CryptoHasher } from "bun";
import type { HashReply, HashRequest } from "./messages.ts";

interface Stream {
  readonly hasher: CryptoHasher;
  /** Up to here it was read. */
  offset: number;
  isBroken: boolean;
}

/** Little enough to stay in the cache of a core between the reading and the hashing. */
const memory = new Uint8Array(256 * 1024);
const streams = new Map<number, Stream>();

function answer(request: HashRequest): HashReply {
  const { kind, id } = request;
  const stream = streams.get(id) ?? { hasher: new CryptoHasher("sha256"), offset: 0, isBroken: false };
  if (kind === "read") {
    streams.set(id, stream);
    stream.isBroken ||= !isRead(stream, request);
    return stream.isBroken ? false : null;
  }
  streams.delete(id);
  if (kind === "forget") return null;
  return stream.isBroken ? false : stream.hasher.digest("hex");
}

function isRead(stream: Stream, { fd, end }: { readonly fd: number; readonly end: number }): boolean {
  try {
    while (stream.offset < end) {
      const wanted = Math.min(memory.byteLength, end - stream.offset);
      const bytes = readSync(fd, memory, 0, wanted, stream.offset);
      if (bytes === 0) return false;
      stream.hasher.update(memory.subarray(0, bytes));
      stream.offset += bytes;
    }
    return true;
  } catch {
    return false;
  }
}

threadGivesWay();
parentPort?.on("message", (request: HashRequest) => parentPort?.postMessage(answer(request)));
