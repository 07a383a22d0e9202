import { RUNNING_HASHES_MAX } from "@millrace/core/limits";
import { CryptoHasher } from "bun";

/**
 * The sha256 of uploads that are still arriving, in this process. A hash cannot be handed to another process, so an
 * upload that moved between processes is read once more when it ends; the others need not be.
 */
export class RunningHashes<Hash> {
  readonly #begin: () => Hash;
  readonly #forget: (hash: Hash) => void;
  readonly #hashes = new Map<string, { readonly offset: number; readonly hash: Hash }>();

  /** @param forget called with a hash that nobody will ask for */
  constructor(begin: () => Hash, forget: (hash: Hash) => void = () => {}) {
    this.#begin = begin;
    this.#forget = forget;
  }

  /**
   * The hash of exactly the first `offset` bytes, to go on with; undefined when this process did not see them all.
   * @param identity of this very upload: not its key, which another process may have discarded and begun anew.
   */
  take(identity: string, offset: number): Hash | undefined {
    const kept = this.#hashes.get(identity);
    this.#hashes.delete(identity);
    if (kept !== undefined && kept.offset === offset) return kept.hash;
    if (kept !== undefined) this.#forget(kept.hash);
    return offset === 0 ? this.#begin() : undefined;
  }

  keep(identity: string, offset: number, hash: Hash | undefined): void {
    if (hash === undefined) return;
    this.#hashes.set(identity, { offset, hash });
    for (const [oldest, kept] of this.#hashes) {
      if (this.#hashes.size <= RUNNING_HASHES_MAX) break;
      this.#hashes.delete(oldest);
      this.#forget(kept.hash);
    }
  }
}

/** Reads it all, a chunk at a time. */
export async function sha256Of(stream: ReadableStream<Uint8Array>): Promise<string> {
  const hasher = new CryptoHasher("sha256");
  for await (const chunk of stream) hasher.update(chunk);
  return hasher.digest("hex");
}
