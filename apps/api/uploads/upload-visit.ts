import { Fault, type Identity } from "@millrace/core";
import { FILE_BYTES_MAX, UPLOAD_PAUSE_MS_MAX } from "@millrace/core/limits";
import { contentKey } from "@millrace/protocol/file-operations/index";
import { advanceUpload, declareSize, type FoundUpload, findUpload, orStoreFault } from "@millrace/store";
import { DataStore, Upload } from "@tus/server";
import { beginUpload, giveUpUpload } from "../files/upload-life.ts";
import { UploadTeller } from "../files/upload-teller.ts";
import type { Ports } from "../ports.ts";
import { deleteFile } from "../use-cases/delete-file.ts";
import { appendBytes } from "./append-bytes.ts";
import type { Checksum } from "./checksum.ts";
import { discardBytes } from "./discard-bytes.ts";
import { finishBytes } from "./finish-bytes.ts";
import { Reception } from "./reception.ts";
import { tooLarge } from "./tus-request.ts";
import type { UploadRow } from "./upload-row.ts";
import { metadataOf, readWish } from "./upload-wish.ts";

export interface Visitor {
  readonly identity: Identity;
  readonly correlationId: string;
  /** Of the request, where its trace is recorded. */
  readonly traceContext: string | undefined;
  readonly body: ReadableStream<Uint8Array> | null;
  readonly checksum: Checksum | undefined;
  /** Upload-Metadata as it stands in the request. */
  readonly metadata: string | null;
}

export const TUS_EXTENSIONS = [
  "creation",
  "creation-with-upload",
  "creation-defer-length",
  "expiration",
  "termination",
  "checksum",
] as const;

/**
 * The store of @tus/server, as one request sees it: it knows who asks, and takes the bytes from the request itself.
 *
 * The library holds the upload's lock around `create` with `write`, `getUpload` with `write`, and `remove`. What ends an
 * upload happens in here, and so within the lock.
 */
export class UploadVisit extends DataStore {
  override extensions = [...TUS_EXTENSIONS];
  readonly #ports: Ports;
  readonly #visitor: Visitor;
  readonly #reception: Reception;
  #teller: UploadTeller | undefined;
  #file: UploadRow | undefined;
  #offset = 0;
  #givenMetadata: string | null = null;
  /** Made by this request: its client does not know the id before the answer. */
  #isNew = false;

  constructor(ports: Ports, visitor: Visitor) {
    super();
    this.#ports = ports;
    this.#visitor = visitor;
    this.#reception = new Reception({
      body: visitor.body,
      draining: ports.draining,
      onChunk: (bytes) => {
        this.#teller?.received(bytes);
        ports.fileMetrics.received("tus", bytes);
      },
    });
  }

  /** When an upload that is not finished expires, as far as this request has found out. */
  get expiresAt(): Date | undefined {
    return this.#file?.state === "uploading" ? this.#file.uploadExpiresAt : undefined;
  }

  /** Upload-Metadata as the client gave it, for those who ask; null when nobody has asked, or nobody knows. */
  get givenMetadata(): string | null {
    return this.#givenMetadata;
  }

  giveWay(): void {
    this.#reception.giveWay();
  }

  /** Throws NOT_FOUND for another's upload, word for word as for one that does not exist. */
  async requireOwn(fileId: string): Promise<FoundUpload> {
    const file = await orStoreFault(findUpload(this.#ports.sql, fileId));
    if (file?.ownerId !== this.#visitor.identity.userId) throw new Fault("NOT_FOUND", "no such upload");
    return file;
  }

  /** The row first, since it holds the quota, then the place for the bytes. */
  override async create(upload: Upload): Promise<Upload> {
    const wish = readWish(upload.metadata ?? {});
    const key = contentKey(upload.id);
    const declaredSize = upload.size ?? null;
    const { identity, correlationId, metadata: uploadMetadata } = this.#visitor;
    const begun = await beginUpload(this.#ports, {
      ...{ ...wish, fileId: upload.id, ownerId: identity.userId, tenant: null, correlationId },
      ...{ declaredSize, bytesMax: FILE_BYTES_MAX, uploadKind: "tus", contentKey: key },
      ...{ lifeMs: UPLOAD_PAUSE_MS_MAX, idempotencyKey: null, uploadMetadata },
    });
    if (begun.kind === "existing") throw new Error("an upload without a key to repeat it was repeated");
    const { keptBytes, expiresAt: uploadExpiresAt } = begun;
    this.#isNew = true;
    this.#file = {
      ...{ ...wish, fileId: upload.id, declaredSize, size: null, keptBytes },
      ...{ state: "uploading", uploadExpiresAt, contentKey: key },
    };
    try {
      await this.#ports.blobs.uploads.begin(key);
      if (declaredSize === 0) await this.#finish(this.#file);
    } catch (error) {
      await this.#undo(this.#file);
      throw error;
    }
    return upload;
  }

  /** The library asks once more, after it has released the lock: then the first answer still holds. */
  override async getUpload(fileId: string): Promise<Upload> {
    if (this.#file === undefined) {
      const file = await this.requireOwn(fileId);
      this.#file = file;
      this.#givenMetadata = file.uploadMetadata;
      this.#offset = await this.#offsetOf(file);
    }
    const { declaredSize, size } = this.#file;
    const length = size ?? declaredSize ?? undefined;
    const metadata = metadataOf(this.#file);
    // The library must find it young: when it expires is decided here.
    return new Upload({
      id: fileId,
      offset: this.#offset,
      metadata,
      ...(length !== undefined && { size: length }),
    });
  }

  /** Where to go on. Also ends what has all its bytes, and whose end nobody noted down. */
  async #offsetOf(file: UploadRow): Promise<number> {
    if (file.state === "uploaded") return file.size ?? 0;
    if (file.uploadExpiresAt.getTime() <= this.#ports.nowMs())
      throw new Fault("UPLOAD_EXPIRED", "the upload was not finished in time");
    const offset = await this.#ports.blobs.uploads.offset(file.contentKey);
    // None: it has become a blob already, or its bytes are gone.
    if (offset === undefined || offset === file.declaredSize) return this.#finish(file);
    return offset;
  }

  override async declareUploadLength(fileId: string, size: number): Promise<void> {
    const file = this.#file;
    if (file === undefined || !(await orStoreFault(declareSize(this.#ports.sql, fileId, size))))
      throw tooLarge(file?.keptBytes);
    this.#file = { ...file, declaredSize: size, keptBytes: size };
  }

  /** The library's own stream is empty: see `README.md`. */
  override async write(_stream: unknown, _fileId: string, offset: number): Promise<number> {
    const file = this.#file;
    if (file === undefined) throw new Error("the library writes to an upload that it has not looked at");
    if (file.state !== "uploading") return offset;
    try {
      return await this.#append(file, offset);
    } catch (error) {
      if (this.#isNew) await this.#undo(file);
      throw error;
    } finally {
      this.#teller?.end(this.#file?.state === "uploaded" ? "uploaded" : "uploading");
    }
  }

  async #append(file: UploadRow, offset: number): Promise<number> {
    const { declaredSize: size, fileId } = file;
    this.#teller = new UploadTeller(this.#ports.liveFiles, { fileId, size, offset });
    const { checksum } = this.#visitor;
    // Side by side: noting it takes as long as an fsync, and the storage knows better how far the upload is.
    const [expiresAt, after] = await bothOf(
      this.#advance(fileId, offset),
      appendBytes(this.#ports, file, { offset, reception: this.#reception, checksum }),
    );
    this.#offset = after;
    // Another process may have met all the bytes, and ended the upload, before this one could note that it goes on.
    if (after === size) return await this.#finish(file);
    if (expiresAt === null) throw new Fault("NOT_FOUND", "no such upload");
    this.#file = { ...file, uploadExpiresAt: expiresAt };
    return after;
  }

  async #finish(file: UploadRow): Promise<number> {
    const size = await finishBytes(this.#ports, file, this.#visitor.traceContext);
    this.#file = { ...file, state: "uploaded", size };
    this.#offset = size;
    return size;
  }

  /** Notes for others how far it was, and gives it new time: until when. Null when it is not uploading any more. */
  async #advance(fileId: string, offset: number): Promise<Date | null> {
    const lifeMs = UPLOAD_PAUSE_MS_MAX;
    const advanced = await orStoreFault(advanceUpload(this.#ports.sql, fileId, { offset, lifeMs }));
    return advanced?.expiresAt ?? null;
  }

  /** Its client will never hear of it, and begins another one. */
  async #undo(file: UploadRow): Promise<void> {
    await giveUpUpload(this.#ports, file.fileId);
    await discardBytes(this.#ports, file);
  }

  /** A finished upload is a file, and deleted as one. */
  override async remove(fileId: string): Promise<void> {
    await this.requireOwn(fileId);
    await deleteFile(this.#ports, this.#visitor.identity, fileId);
  }
}

/** Waits for both, whatever becomes of the first: nobody may let go of an upload that is still being written to. */
async function bothOf<One, Other>(one: Promise<One>, other: Promise<Other>): Promise<[One, Other]> {
  const [first, second] = await Promise.allSettled([one, other]);
  if (second.status === "rejected") throw second.reason;
  if (first.status === "rejected") throw first.reason;
  return [first.value, second.value];
}
