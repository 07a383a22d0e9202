import type { Json } from "@millrace/core";
import { RESUMABLE_CHUNK_BYTES, TRIES_MAX, UPLOAD_TIMEOUT_MS } from "./bounds.ts";
import { ApiError, UnreachableError } from "./errors.ts";
import { doublingWaitMs, isPassing } from "./retry.ts";
import type { Call, CallOptions, Transport } from "./transport.ts";

export interface ResumableUpload {
  /** Read piece by piece. `Bun.file` and Node's `openAsBlob` give Blobs. */
  readonly file: Blob;
  readonly filename: string;
  readonly operation: string;
  readonly options?: { readonly [name: string]: Json };
}

export interface ResumableOptions extends CallOptions {
  /** Goes on with this upload, of which an earlier call told the id. Its name and operation are those it began with. */
  readonly fileId?: string;
  /** Told once the upload has begun: with it, another process can go on. */
  readonly onBegun?: (fileId: string) => void;
  /** Bytes that the server keeps; may go back when it kept less than was sent. */
  readonly onProgress?: (uploaded: number, size: number) => void;
  /** Bytes of one request. */
  readonly chunkBytes?: number;
}

const TUS = { "Tus-Resumable": "1.0.0" } as const;
const BYTES = "application/offset+octet-stream";
const OFFSET_CONFLICT = 409;
const LOCKED = 423;

/**
 * Sends a file by tus 1.0.0, chunk after chunk. Whatever breaks, it asks how far the upload is and goes on from there;
 * it gives up when several tries in a row moved nothing.
 */
export class ResumableSender {
  readonly #transport: Transport;
  readonly #upload: ResumableUpload;
  readonly #options: ResumableOptions;
  #fileId: string | undefined;
  /** Undefined: nobody knows, the server is asked. */
  #offset: number | undefined;

  constructor(transport: Transport, upload: ResumableUpload, options: ResumableOptions) {
    this.#transport = transport;
    this.#upload = upload;
    this.#options = options;
    this.#fileId = options.fileId;
  }

  /** @returns the file's id, once all bytes are there. @throws ApiError, UnreachableError, or the signal's reason */
  async send(): Promise<string> {
    const { size } = this.#upload.file;
    for (let failures = 0; ; ) {
      const before = this.#offset;
      try {
        const fileId = await this.#step();
        if (this.#offset === size) return fileId;
        failures = 0;
      } catch (error) {
        if (this.#offset !== before) failures = 0;
        failures += 1;
        if (!mayGoOn(error) || failures >= TRIES_MAX) throw error;
        this.#offset = undefined;
        const askedMs = error instanceof ApiError ? error.retryAfterMs : null;
        const waitMs = askedMs ?? doublingWaitMs(failures, this.#transport.random);
        await this.#transport.clock.sleep(waitMs, this.#options.signal);
      }
    }
  }

  /** One request: begins it, asks where it stands, or sends the next chunk. */
  async #step(): Promise<string> {
    this.#fileId ??= await this.#begin();
    if (this.#offset === undefined) this.#moved(await this.#ask(this.#fileId));
    else if (this.#offset < this.#upload.file.size)
      this.#moved(await this.#sendChunk(this.#fileId, this.#offset));
    return this.#fileId;
  }

  #moved(offset: number): void {
    this.#offset = offset;
    this.#options.onProgress?.(offset, this.#upload.file.size);
  }

  /** When its answer is lost another one is begun; what is left behind expires after a day. */
  async #begin(): Promise<string> {
    const { file, filename, operation, options } = this.#upload;
    const about = { filename, filetype: file.type, operation, options: options && JSON.stringify(options) };
    const headers = { "Upload-Length": String(file.size), "Upload-Metadata": metadataOf(about) };
    const response = await this.#call("POST", "/api/uploads", { headers });
    const fileId = response.headers.get("location")?.split("/").at(-1) ?? "";
    if (fileId === "") throw this.#transport.unreachable(new Error("an upload without a Location"));
    this.#options.onBegun?.(fileId);
    this.#offset = 0;
    return fileId;
  }

  async #ask(fileId: string): Promise<number> {
    return this.#offsetIn(await this.#call("HEAD", uploadPath(fileId)));
  }

  async #sendChunk(fileId: string, offset: number): Promise<number> {
    const { chunkBytes = RESUMABLE_CHUNK_BYTES } = this.#options;
    const chunk = new Uint8Array(await this.#upload.file.slice(offset, offset + chunkBytes).arrayBuffer());
    const headers = { "Upload-Offset": String(offset), "Content-Type": BYTES };
    return this.#offsetIn(await this.#call("PATCH", uploadPath(fileId), { headers, content: chunk }));
  }

  async #call(
    method: "HEAD" | "PATCH" | "POST",
    path: string,
    { headers = {}, content }: Pick<Call, "content" | "headers"> = {},
  ): Promise<Response> {
    const { signal } = this.#options;
    const call = { method, path, isRepeatable: false, timeoutMs: UPLOAD_TIMEOUT_MS, signal } as const;
    const response = await this.#transport.open({ ...call, headers: { ...TUS, ...headers }, content });
    await response.body?.cancel();
    return response;
  }

  #offsetIn(response: Response): number {
    const text = response.headers.get("upload-offset") ?? "";
    if (!/^\d{1,15}$/.test(text))
      throw this.#transport.unreachable(new Error("an answer without Upload-Offset"));
    return Number(text);
  }
}

/** Also when another request of this upload was not over, or had kept more than was known here. */
function mayGoOn(error: unknown): boolean {
  if (error instanceof UnreachableError) return true;
  if (!(error instanceof ApiError)) return false;
  return isPassing(error.status) || error.status === OFFSET_CONFLICT || error.status === LOCKED;
}

function metadataOf(values: Readonly<Record<string, string | undefined>>): string {
  return Object.entries(values)
    .flatMap(([name, value]) => (value ? [`${name} ${base64(value)}`] : []))
    .join(",");
}

function base64(text: string): string {
  return btoa(String.fromCharCode(...new TextEncoder().encode(text)));
}

function uploadPath(fileId: string): string {
  return `/api/uploads/${encodeURIComponent(fileId)}`;
}
