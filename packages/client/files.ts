import type { Json } from "@millrace/core";
import { UPLOAD_TIMEOUT_MS, WAIT_MS_DEFAULT } from "./bounds.ts";
import { ApiError, FileWaitTimeoutError } from "./errors.ts";
import type { FileFilter, FileInfo, FileOperationInfo, FilePage } from "./file-types.ts";
import { streamedForm } from "./multipart-stream.ts";
import { type ResumableOptions, ResumableSender, type ResumableUpload } from "./resumable-upload.ts";
import { expectShape, isFileInfo, isFilePage, isOperationList } from "./shapes.ts";
import { makeTaskId } from "./task-id.ts";
import type { Call, CallOptions, Transport } from "./transport.ts";
import { poll } from "./watch-task.ts";

export interface FileUpload {
  /** A Blob can be sent again when an answer is lost; a stream cannot. `Bun.file` and Node's `openAsBlob` give Blobs. */
  readonly file: Blob | AsyncIterable<Uint8Array>;
  readonly filename: string;
  readonly operation: string;
  readonly options?: { readonly [name: string]: Json };
  /** Sending again under the same key is the same file. Made here when absent. */
  readonly idempotencyKey?: string;
}

export interface FileWaitOptions extends CallOptions {
  readonly timeoutMs?: number;
  /** Called with each state that was seen, the last one included. */
  readonly onSight?: (file: FileInfo) => void;
}

export interface DownloadOptions extends CallOptions {
  /** From the first byte to the last, both included; without `end`, to the end of the file. */
  readonly range?: { readonly start: number; readonly end?: number };
}

export interface FileDownload {
  /** To be read to its end or cancelled. */
  readonly body: ReadableStream<Uint8Array>;
  /** Of the whole file, in hex; null when something on the way took it off. */
  readonly sha256: string | null;
  readonly contentType: string;
}

/** Files: sent in one request or resumably, processed, fetched. */
export class FilesClient {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /**
   * The file, stored, with its processing queued.
   * @throws ApiError BODY_TOO_LARGE, VALIDATION_FAILED, QUOTA_EXCEEDED, …
   */
  async upload(upload: FileUpload, options: CallOptions = {}): Promise<FileInfo> {
    const key = upload.idempotencyKey ?? makeTaskId(this.#transport.clock.nowMs());
    const call = { method: "POST", path: "/api/files", timeoutMs: UPLOAD_TIMEOUT_MS, ...options } as const;
    const body = upload.file instanceof Blob ? formOf(upload, upload.file) : streamOf(upload, upload.file);
    const headers = { ...body.headers, "Idempotency-Key": key };
    return expectShape(await this.#transport.call({ ...call, ...body, headers }), isFileInfo);
  }

  /**
   * The same in chunks, over connections that break: each goes on where the server stands. For large files, and bad
   * networks.
   * @throws ApiError BODY_TOO_LARGE, VALIDATION_FAILED, QUOTA_EXCEEDED, …; UnreachableError once nothing moves any more
   */
  async uploadResumable(upload: ResumableUpload, options: ResumableOptions = {}): Promise<FileInfo> {
    const fileId = await new ResumableSender(this.#transport, upload, options).send();
    return this.get(fileId, { signal: options.signal });
  }

  /** @throws ApiError NOT_FOUND */
  async get(fileId: string, options: CallOptions = {}): Promise<FileInfo> {
    const call = { method: "GET", path: filePath(fileId), isRepeatable: true, ...options } as const;
    return expectShape(await this.#transport.call(call), isFileInfo);
  }

  /** Newest first. For more than one page, pass the last page's `next_cursor` on as `cursor`. */
  async list(filter: FileFilter = {}, options: CallOptions = {}): Promise<FilePage> {
    const call = { method: "GET", path: "/api/files", isRepeatable: true, ...options } as const;
    return expectShape(await this.#transport.call({ ...call, query: { ...filter } }), isFilePage);
  }

  async operations(options: CallOptions = {}): Promise<readonly FileOperationInfo[]> {
    const path = "/api/files/operations";
    const reply = await this.#transport.call({ method: "GET", path, isRepeatable: true, ...options });
    return expectShape(reply, isOperationList).items;
  }

  /**
   * The file once it is completed or failed; how it ended is no error here.
   * @throws FileWaitTimeoutError; the processing itself goes on
   */
  async waitFor(fileId: string, options: FileWaitOptions = {}): Promise<FileInfo> {
    const { timeoutMs = WAIT_MS_DEFAULT, onSight, signal } = options;
    const timeout = AbortSignal.timeout(timeoutMs);
    const either = signal === undefined ? timeout : AbortSignal.any([timeout, signal]);
    let seen: FileInfo | null = null;
    try {
      const looks = poll(this.#transport.clock, () => this.get(fileId, { signal: either }), either);
      for await (const file of looks) {
        seen = file;
        onSight?.(file);
        if (file.status === "completed" || file.status === "failed") return file;
      }
    } catch (error) {
      if (!timeout.aborted || signal?.aborted === true) throw error;
    }
    throw new FileWaitTimeoutError(fileId, timeoutMs, seen);
  }

  /** What was made of it. @throws ApiError FILE_NOT_READY, NOT_FOUND, RANGE_NOT_SATISFIABLE */
  result(fileId: string, options: DownloadOptions = {}): Promise<FileDownload> {
    return this.#download(`${filePath(fileId)}/result`, options);
  }

  /** As it was uploaded. @throws ApiError NOT_FOUND, RANGE_NOT_SATISFIABLE */
  content(fileId: string, options: DownloadOptions = {}): Promise<FileDownload> {
    return this.#download(`${filePath(fileId)}/content`, options);
  }

  /** With its result; an unfinished task is cancelled. Deleting what is gone already is no error after a lost answer. */
  async delete(fileId: string, options: CallOptions = {}): Promise<void> {
    try {
      await this.#transport.call({
        method: "DELETE",
        path: filePath(fileId),
        isRepeatable: true,
        ...options,
      });
    } catch (error) {
      if (error instanceof ApiError && error.code === "NOT_FOUND" && error.mayHaveHappened) return;
      throw error;
    }
  }

  async #download(path: string, { range, signal }: DownloadOptions): Promise<FileDownload> {
    const headers = range === undefined ? {} : { Range: `bytes=${range.start}-${range.end ?? ""}` };
    const call = { method: "GET", path, isRepeatable: true, headers, signal } as const;
    const response = await this.#transport.open(call);
    const { body } = response;
    return {
      body: body ?? new Blob([]).stream(),
      sha256: /^"([0-9a-f]{64})"$/.exec(response.headers.get("etag") ?? "")?.[1] ?? null,
      contentType: response.headers.get("content-type") ?? "application/octet-stream",
    };
  }
}

type UploadBody = Pick<Call, "content" | "headers" | "isRepeatable">;

function fieldsOf({ operation, options }: FileUpload): Readonly<Record<string, string>> {
  return { operation, ...(options !== undefined && { options: JSON.stringify(options) }) };
}

function formOf(upload: FileUpload, file: Blob): UploadBody {
  const content = new FormData();
  for (const [name, value] of Object.entries(fieldsOf(upload))) content.append(name, value);
  content.append("file", file, upload.filename);
  return { content, isRepeatable: true };
}

function streamOf(upload: FileUpload, file: AsyncIterable<Uint8Array>): UploadBody {
  const form = streamedForm(file, { filename: upload.filename, fields: fieldsOf(upload) });
  return { content: form.body, headers: { "Content-Type": form.contentType }, isRepeatable: false };
}

function filePath(fileId: string): string {
  return `/api/files/${encodeURIComponent(fileId)}`;
}
