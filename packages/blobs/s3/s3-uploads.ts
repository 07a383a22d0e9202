import { BLOB_PART_BYTES } from "@millrace/core/limits";
import { CryptoHasher } from "bun";
import type { AppendOptions, AppendOutcome, ByteSource, Uploads, WrittenBlob } from "../blobs.ts";
import { blocksOf } from "../blocks.ts";
import { requireKey } from "../key.ts";
import { RunningHashes, sha256Of } from "../running-hashes.ts";
import {
  abortMultipart,
  completeMultipart,
  createMultipart,
  isCompleted,
  type Multipart,
  type SentPart,
  sendPart,
} from "./multipart.ts";
import type { Names } from "./names.ts";
import { putObject } from "./put-object.ts";
import { readObject } from "./read-object.ts";
import type { S3Requests } from "./requests.ts";
import {
  loadState,
  newState,
  offsetOf,
  type StoredState,
  saveState,
  type UploadState,
} from "./upload-state.ts";

const NUMBERS_PER_PART = 64;

/** Lost to another process that appends to the same upload. */
class OvertakenError extends Error {}

/** An upload is a multipart upload of S3's, and an object that says how far it is: see `upload-state.ts`. */
export class S3Uploads implements Uploads {
  readonly #requests: S3Requests;
  readonly #names: Names;
  readonly #hashes = new RunningHashes(() => new CryptoHasher("sha256"));

  constructor(requests: S3Requests, names: Names) {
    this.#requests = requests;
    this.#names = names;
  }

  async begin(key: string): Promise<void> {
    requireKey(key);
    // When there is one already, it stays.
    await saveState(this.#requests, this.#names.upload(key), { state: newState(), replaced: undefined });
  }

  async offset(key: string): Promise<number | undefined> {
    const stored = await this.#load(key);
    return stored && offsetOf(stored.state);
  }

  async append(key: string, source: ByteSource, options: AppendOptions): Promise<AppendOutcome> {
    const stored = await this.#load(key);
    if (stored === undefined) return { kind: "missing" };
    const present = offsetOf(stored.state);
    if (present !== options.offset) return { kind: "conflict", offset: present };
    try {
      return { kind: "appended", offset: await this.#append(key, stored, { source, options }) };
    } catch (error) {
      if (!(error instanceof OvertakenError)) throw error;
      const offset = await this.offset(key);
      return offset === undefined ? { kind: "missing" } : { kind: "conflict", offset };
    }
  }

  async #append(
    key: string,
    stored: StoredState,
    { source, options }: { readonly source: ByteSource; readonly options: AppendOptions },
  ): Promise<number> {
    let { state, etag } = stored;
    let isTailHashed = true;
    const { mark, tail: head } = state;
    const hasher = this.#hashes.take(mark, options.offset);
    const blocks = blocksOf(source, { ...options, blockBytes: BLOB_PART_BYTES, head, keepsRest: true });
    try {
      for await (const block of blocks) {
        const next = await this.#withBlock(key, state, block);
        const saved = await saveState(this.#requests, this.#names.upload(key), {
          state: next,
          replaced: etag,
        });
        if (saved === undefined) {
          await this.#dropNew(key, state, next);
          throw new OvertakenError();
        }
        // What stood before the source in the first block was hashed when it came.
        hasher?.update(isTailHashed ? block.subarray(head.byteLength) : block);
        isTailHashed = false;
        [state, etag] = [next, saved];
      }
    } finally {
      this.#hashes.keep(mark, offsetOf(state), hasher);
    }
    return offsetOf(state);
  }

  /** A whole block becomes a part, the rest of a source the tail. */
  async #withBlock(key: string, state: UploadState, block: Uint8Array): Promise<UploadState> {
    const revision = crypto.randomUUID();
    if (block.byteLength < BLOB_PART_BYTES) return { ...state, revision, tail: block };
    const name = this.#names.blob(key);
    const { mark, parts } = state;
    const uploadId = state.uploadId ?? (await createMultipart(this.#requests, { name, mark })).uploadId;
    const next = { ...state, revision, uploadId, tail: new Uint8Array() };
    try {
      const part = { number: partNumber(parts.length), bytes: block };
      const etag = await sendPart(this.#requests, { name, uploadId, mark }, part);
      return { ...next, parts: [...parts, { number: part.number, etag }] };
    } catch (error) {
      await this.#dropNew(key, state, next);
      throw error;
    }
  }

  /** A multipart upload that no state will name. If even this fails, a sweep finds it. */
  async #dropNew(key: string, state: UploadState, { uploadId }: UploadState): Promise<void> {
    if (uploadId === undefined || uploadId === state.uploadId) return;
    await abortMultipart(this.#requests, { name: this.#names.blob(key), uploadId }).catch(() => undefined);
  }

  async finish(key: string): Promise<WrittenBlob | undefined> {
    const stored = await this.#load(key);
    const hasher = stored && this.#hashes.take(stored.state.mark, offsetOf(stored.state));
    if (stored !== undefined) {
      await this.#publish(key, stored.state);
      await this.#requests.send({
        method: "DELETE",
        name: this.#names.upload(key),
        expects: [200, 204, 404],
      });
    }
    if (stored !== undefined && hasher !== undefined)
      return { bytes: offsetOf(stored.state), sha256: hasher.digest("hex") };
    const reading = await readObject(this.#requests, this.#names.blob(key), {});
    return reading && { bytes: reading.bytes, sha256: await sha256Of(reading.stream) };
  }

  async #publish(key: string, state: UploadState): Promise<void> {
    const { uploadId, mark, tail, parts } = state;
    const name = this.#names.blob(key);
    if (uploadId === undefined) return putObject(this.#requests, { name, bytes: tail });
    const upload = { name, uploadId, mark };
    if (await isCompleted(this.#requests, upload)) return;
    await completeMultipart(this.#requests, upload, [...parts, ...(await this.#sendTail(upload, state))]);
  }

  async #sendTail(upload: Multipart, { parts, tail }: UploadState): Promise<readonly SentPart[]> {
    if (tail.byteLength === 0) return [];
    const number = partNumber(parts.length);
    return [{ number, etag: await sendPart(this.#requests, upload, { number, bytes: tail }) }];
  }

  async discard(key: string): Promise<void> {
    const stored = await this.#load(key);
    if (stored === undefined) return;
    const { uploadId } = stored.state;
    // The state last: while it is there, discarding again finds the parts.
    if (uploadId !== undefined)
      await abortMultipart(this.#requests, { name: this.#names.blob(key), uploadId });
    await this.#requests.send({ method: "DELETE", name: this.#names.upload(key), expects: [200, 204, 404] });
  }

  #load(key: string): Promise<StoredState | undefined> {
    requireKey(key);
    return loadState(this.#requests, this.#names.upload(key));
  }
}

/**
 * Numbers must only grow. Each part has several to choose from, so that a process which lost an upload to another, and
 * does not know yet, does not overwrite a part of the other's.
 */
function partNumber(index: number): number {
  return index * NUMBERS_PER_PART + 1 + Math.floor(Math.random() * NUMBERS_PER_PART);
}
