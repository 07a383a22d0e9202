import { cleanContentType, cleanFilename, Fault, type Identity } from "@millrace/core";
import { FILE_BYTES_MAX, UPLOAD_MS_MAX } from "@millrace/core/limits";
import type { Span } from "@millrace/observe";
import { contentKey } from "@millrace/protocol/file-operations/index";
import { type FileRecord, findFile, orStoreFault } from "@millrace/store";
import { lent } from "../files/lent.ts";
import { type FilePart, readForm, requireMultipart } from "../files/multipart-form.ts";
import {
  type BodyTimes,
  fileTooLarge,
  timedBody,
  UPLOAD_BODY_BYTES_MAX,
  UPLOAD_TIMES,
} from "../files/timed-body.ts";
import { invalid, UploadFields } from "../files/upload-fields.ts";
import { beginUpload, endUpload, giveUpUpload } from "../files/upload-life.ts";
import { UploadTeller } from "../files/upload-teller.ts";
import type { Ports } from "../ports.ts";

export interface FileSubmission {
  readonly request: Request;
  readonly correlationId: string;
  readonly span?: Span | undefined;
  /** A repetition with the same key is answered with the same file. */
  readonly idempotencyKey: string | null;
  readonly times?: BodyTimes;
}

export interface UploadedFile {
  /** False: it had arrived before, under the same Idempotency-Key. */
  readonly isNew: boolean;
  readonly file: FileRecord;
}

/** A row outlives the longest upload, so that only one whose process died expires. */
const ROW_LIFE_MS = 2 * UPLOAD_MS_MAX;
/** Of a file of which it is not known yet whether it may come. */
const EARLY_BYTES_MAX = 1024 * 1024;

/**
 * Takes a file in one request: into the storage while it arrives, then its row and its task together. Whatever fails,
 * nothing is left behind. Throws UNSUPPORTED_MEDIA_TYPE, BODY_TOO_LARGE, VALIDATION_FAILED, QUOTA_EXCEEDED,
 * TOO_MANY_REQUESTS, OVERLOADED, UPLOAD_TIMEOUT, UPLOAD_SUPERSEDED, BAD_REQUEST, STORAGE_*, STORE_UNAVAILABLE.
 */
export async function uploadFile(
  ports: Ports,
  identity: Identity,
  submission: FileSubmission,
): Promise<UploadedFile> {
  try {
    const { request } = submission;
    const contentType = requireMultipart(request.headers);
    const declared = declaredBytes(request.headers);
    if (declared !== null && declared > UPLOAD_BODY_BYTES_MAX) throw fileTooLarge();
    const release = ports.uploadSlots.take(identity.userId);
    try {
      const fits = declared === null ? null : Math.min(declared, FILE_BYTES_MAX);
      return await new Upload(ports, { identity, submission, declared: fits }).receive(contentType);
    } finally {
      release();
    }
  } catch (error) {
    ports.fileMetrics.refused("multipart", error instanceof Fault ? error.code : "ABORTED");
    throw error;
  }
}

function declaredBytes(headers: Headers): number | null {
  const length = headers.get("content-length");
  return length === null ? null : Number(length);
}

/** Thrown to stop reading: the file is here already. */
class Repetition {
  readonly file: FileRecord;

  constructor(file: FileRecord) {
    this.file = file;
  }
}

interface Sender {
  readonly identity: Identity;
  readonly submission: FileSubmission;
  /** Bytes of the whole request; the file has fewer. */
  readonly declared: number | null;
}

class Upload {
  readonly #ports: Ports;
  readonly #sender: Sender;
  readonly #fileId: string;
  readonly #fields = new UploadFields();
  readonly #teller: UploadTeller;
  #isBegun = false;
  #stored: { readonly bytes: number; readonly sha256: string } | undefined;

  constructor(ports: Ports, sender: Sender) {
    this.#ports = ports;
    this.#sender = sender;
    this.#fileId = Bun.randomUUIDv7();
    this.#teller = new UploadTeller(ports.liveFiles, { fileId: this.#fileId, size: sender.declared });
  }

  async receive(contentType: string): Promise<UploadedFile> {
    const { request, times = UPLOAD_TIMES } = this.#sender.submission;
    try {
      if (request.body !== null)
        await readForm(contentType, timedBody(request.body, times), {
          onField: (name, value) => this.#fields.take(name, value),
          onFile: (part) => this.#store(part),
        });
      return { isNew: true, file: await this.#end() };
    } catch (error) {
      if (error instanceof Repetition) return { isNew: false, file: error.file };
      await this.#undo(error instanceof Fault && error.code === "UPLOAD_SUPERSEDED");
      throw error;
    }
  }

  async #store({ filename, contentType, bytes }: FilePart): Promise<void> {
    const begun = this.#begin(filename ?? "", contentType);
    begun.catch(() => {}); // Heard below, at the latest when the bytes have ended.
    const source = this.#admitted(bytes, begun);
    try {
      const options = { bytesMax: FILE_BYTES_MAX };
      this.#stored = await this.#ports.blobs.write(contentKey(this.#fileId), source, options);
    } catch (error) {
      if (error instanceof Fault && error.code === "BODY_TOO_LARGE") throw fileTooLarge();
      throw error;
    } finally {
      await begun.catch(() => {}); // What is undone must have been done.
    }
  }

  /**
   * The first of the bytes, whoever sent them; more, and their end, only once the row is there, within the quota. So the
   * storage is at work while the database is, and no blob is made of bytes that are nobody's.
   */
  #admitted(bytes: FilePart["bytes"], begun: Promise<{ readonly keptBytes: number }>): FilePart["bytes"] {
    const requireRoom = async (count: number) => {
      const { keptBytes } = await begun;
      if (count > keptBytes && keptBytes < FILE_BYTES_MAX) throw quotaMet(keptBytes);
    };
    const received = (chunk: Uint8Array) => {
      this.#teller.received(chunk.byteLength);
      this.#ports.fileMetrics.received("multipart", chunk.byteLength);
    };
    const admit = async function* (): AsyncGenerator<Uint8Array> {
      let count = 0;
      for await (const chunk of bytes) {
        received(chunk);
        count += chunk.byteLength;
        if (count > EARLY_BYTES_MAX) await requireRoom(count);
        yield chunk;
      }
      await requireRoom(count);
    };
    return lent(admit(), (chunk) => bytes.giveBack(chunk));
  }

  async #begin(filename: string, contentType: string | undefined): Promise<{ readonly keptBytes: number }> {
    const { identity, declared, submission } = this.#sender;
    const begun = await beginUpload(this.#ports, {
      fileId: this.#fileId,
      ownerId: identity.userId,
      tenant: null,
      filename: cleanFilename(filename),
      contentType: cleanContentType(contentType),
      operation: this.#fields.operation,
      options: this.#fields.options,
      declaredSize: declared,
      bytesMax: FILE_BYTES_MAX,
      uploadKind: "multipart",
      contentKey: contentKey(this.#fileId),
      lifeMs: ROW_LIFE_MS,
      idempotencyKey: submission.idempotencyKey,
      correlationId: submission.correlationId,
    });
    if (begun.kind === "existing") throw new Repetition(begun.file);
    this.#isBegun = true;
    return begun;
  }

  async #end(): Promise<FileRecord> {
    if (this.#stored === undefined) throw invalid([{ path: "/file", message: "is missing" }]);
    this.#fields.check();
    const { bytes: size, sha256 } = this.#stored;
    const { operation, options } = this.#fields;
    await endUpload(this.#ports, {
      ...{ fileId: this.#fileId, size, sha256, options },
      traceContext: this.#sender.submission.span?.context,
      ...(operation !== null && { operation }),
    });
    this.#teller.end("uploaded");
    const file = await orStoreFault(findFile(this.#ports.hotSql, this.#fileId));
    if (file === null) throw new Fault("UPLOAD_SUPERSEDED", "the file was deleted as soon as it was there");
    return file;
  }

  /**
   * The row first: as long as it stands, the bytes are somebody's. They stay when it is not known what became of it: the
   * commit may have been done although its answer got lost.
   */
  async #undo(isSuperseded: boolean): Promise<void> {
    if (!this.#isBegun) return;
    const isGivenUp = (await giveUpUpload(this.#ports, this.#fileId)) || isSuperseded;
    if (isGivenUp) this.#teller.end("expired");
    if (this.#stored === undefined || !isGivenUp) return;
    try {
      await this.#ports.blobs.remove(contentKey(this.#fileId));
    } catch (error) {
      this.#ports.log.warning("bytes are left to the sweep", { file_id: this.#fileId, error });
    }
  }
}

function quotaMet(bytesMax: number): Fault {
  return new Fault("QUOTA_EXCEEDED", `your quota has room for ${bytesMax} bytes more; this file is larger`, {
    members: { limit: { name: "bytes", left: bytesMax } },
  });
}
