import { constants } from "node:fs";
import { stat, unlink } from "node:fs/promises";
import { Fault } from "@millrace/core";
import type { AppendOptions, AppendOutcome, ByteSource, Uploads, WrittenBlob } from "../blobs.ts";
import { Sha256 } from "../hashing/sha256.ts";
import { requireKey } from "../key.ts";
import { RunningHashes, sha256Of } from "../running-hashes.ts";
import { BlockWriter, writeBlocks } from "./block-writer.ts";
import { ifThere, orDiskFault } from "./disk-fault.ts";
import { tryFileLock } from "./file-lock.ts";
import { FILE_MODE, type Layout } from "./layout.ts";
import { OpenFile } from "./open-file.ts";
import { publish } from "./publish.ts";
import { readFile } from "./read-file.ts";
import { syncFolder } from "./sync-folder.ts";

const { O_CREAT, O_RDWR, O_WRONLY } = constants;

/** An upload is a file that grows; its length is its offset. */
export class LocalUploads implements Uploads {
  readonly #layout: Layout;
  readonly #hashes = new RunningHashes(
    () => new Sha256(),
    (hash) => hash.forget(),
  );

  constructor(layout: Layout) {
    this.#layout = layout;
  }

  async begin(key: string): Promise<void> {
    requireKey(key);
    const begin = async () => {
      const file = await OpenFile.open(this.#layout.upload(key), O_WRONLY | O_CREAT, FILE_MODE);
      await file.close();
      await syncFolder(this.#layout.unfinished);
    };
    await orDiskFault(begin());
  }

  async offset(key: string): Promise<number | undefined> {
    requireKey(key);
    const found = await orDiskFault(ifThere(stat(this.#layout.upload(key))));
    return found?.size;
  }

  async append(key: string, source: ByteSource, options: AppendOptions): Promise<AppendOutcome> {
    const present = await this.offset(key);
    if (present === undefined) return { kind: "missing" };
    const lock = tryFileLock(this.#layout.lock(key));
    if (lock === undefined) return { kind: "conflict", offset: present };
    try {
      return await orDiskFault(this.#appendLocked(key, source, options));
    } finally {
      lock.release();
    }
  }

  async #appendLocked(key: string, source: ByteSource, options: AppendOptions): Promise<AppendOutcome> {
    const file = await ifThere(OpenFile.open(this.#layout.upload(key), O_RDWR));
    if (file === undefined) return { kind: "missing" };
    try {
      const identity = await identityOf(file);
      if (identity.bytes !== options.offset) return { kind: "conflict", offset: identity.bytes };
      const hash = this.#hashes.take(identity.name, options.offset);
      const writer = new BlockWriter(file, options.offset, hash);
      try {
        await writeBlocks(writer, source, { ...options, keepsRest: true });
      } finally {
        // When a write failed, nobody knows how much of its block is in the file.
        if (writer.isWhole) this.#hashes.keep(identity.name, writer.offset, hash);
        else hash?.forget();
      }
      return { kind: "appended", offset: writer.offset };
    } finally {
      await file.close();
    }
  }

  async finish(key: string): Promise<WrittenBlob | undefined> {
    requireKey(key);
    return orDiskFault(this.#finish(key));
  }

  async #finish(key: string): Promise<WrittenBlob | undefined> {
    const hash = await this.#publish(key);
    const reading = await readFile(this.#layout.blob(key), {});
    if (reading === undefined) return undefined;
    const known = await hash?.digest();
    if (known === undefined) return { bytes: reading.bytes, sha256: await sha256Of(reading.stream) };
    await reading.stream.cancel();
    return { bytes: reading.bytes, sha256: known };
  }

  /** Gives the hash when it is known. Whoever still appended would write into what is a blob by then: hence the lock. */
  async #publish(key: string): Promise<Sha256 | undefined> {
    if ((await this.offset(key)) === undefined) return undefined;
    const lock = tryFileLock(this.#layout.lock(key));
    if (lock === undefined)
      throw new Fault("STORAGE_UNAVAILABLE", "somebody still writes to this upload", { retryAfterS: 1 });
    try {
      const file = await ifThere(OpenFile.open(this.#layout.upload(key), O_WRONLY));
      if (file === undefined) return undefined;
      const { name, bytes } = await syncAndClose(file);
      await publish(this.#layout, this.#layout.upload(key), this.#layout.blob(key));
      await ifThere(unlink(this.#layout.lock(key)));
      return this.#hashes.take(name, bytes);
    } finally {
      lock.release();
    }
  }

  async discard(key: string): Promise<void> {
    requireKey(key);
    const discard = async () => {
      await ifThere(unlink(this.#layout.upload(key)));
      await ifThere(unlink(this.#layout.lock(key)));
    };
    await orDiskFault(discard());
  }
}

async function syncAndClose(file: OpenFile): Promise<Identity> {
  try {
    await file.sync();
    return await identityOf(file);
  } finally {
    await file.close();
  }
}

interface Identity {
  readonly name: string;
  readonly bytes: number;
}

/** The file itself, whatever its name: one that is begun anew under the same key is another. */
async function identityOf(file: OpenFile): Promise<Identity> {
  const { dev, ino, birthtimeNs, size, nlink } = await file.stat();
  // Somebody else's name for the same file: what we write would appear there.
  if (nlink > 1n) throw new Error("an upload's file has a second name");
  return { name: `${dev}:${ino}:${birthtimeNs}`, bytes: Number(size) };
}
