import { RUNNING_HASHES_MAX } from "@millrace/core/limits";
import { CryptoHasher } from "bun";

/**
 * The sha256 of uploads that are still arriving, in this process. A hash cannot be handed to another process, so an
 * upload that moved between processes is read once more when it ends; the others need not be.
 */
export class RunningHashes {
  readonly #hashes = new Map<string, { readonly offset: number; readonly hasher: CryptoHasher }>();

  /**
   * The hash of exactly the first `offset` bytes, to go on with; undefined when this process did not see them all.
   * @param identity of this very upload: not its key, which another process may have discarded and begun anew.
   */
  take(identity: string, offset: number): CryptoHasher | undefined {
    const kept = this.#hashes.get(identity);
    this.#hashes.delete(identity);
    if (offset === 0) return new CryptoHasher("sha256");
    return kept?.offset === offset ? kept.hasher : undefined;
  }

  keep(identity: string, offset: number, hasher: CryptoHasher | undefined): void {
    if (hasher === undefined) return;
    this.#hashes.set(identity, { offset, hasher });
    for (const oldest of this.#hashes.keys()) {
      if (this.#hashes.size <= RUNNING_HASHES_MAX) break;
      this.#hashes.delete(oldest);
    }
  }
}

/** Reads it all, a chunk at a time. */
export async function sha256Of(stream: ReadableStream<Uint8Array>): Promise<string> {
  const hasher = new CryptoHasher("sha256");
  for await (const chunk of stream) hasher.update(chunk);
  return hasher.digest("hex");
}
