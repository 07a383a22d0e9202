/** The hashing thread: sha256 of many streams of blocks, each added from memory that it shares with the main thread. */
import { parentPort } from "node:worker_threads";
import { CryptoHasher } from "bun";
import type { HashReply, HashRequest } from "./messages.ts";

const hashers = new Map<number, CryptoHasher>();

function answer(request: HashRequest): HashReply {
  const { kind, id } = request;
  const hasher = hashers.get(id) ?? new CryptoHasher("sha256");
  if (kind === "add") {
    hasher.update(new Uint8Array(request.memory, 0, request.length));
    hashers.set(id, hasher);
    return null;
  }
  hashers.delete(id);
  return kind === "end" ? hasher.digest("hex") : null;
}

parentPort?.on("message", (request: HashRequest) => parentPort?.postMessage(answer(request)));
