import type { Blobs } from "@millrace/blobs";
import { Fault } from "@millrace/core";
import { problemResponse } from "../http/problem.ts";
import { wantedOf } from "./byte-ranges.ts";
import { attachment } from "./disposition.ts";

export interface Download {
  readonly key: string;
  readonly size: number;
  /** In hex; the strong ETag. */
  readonly sha256: string;
  /** One that no browser runs anything of: see `safeTypeOf`. */
  readonly contentType: string;
  readonly filename: string;
}

export interface DownloadRequest {
  readonly request: Request;
  readonly correlationId: string;
}

/**
 * A blob's bytes, or a part of them. Downloads only: the browser neither shows nor runs them, and guesses no type.
 * Throws NOT_FOUND when the bytes are gone, STORAGE_UNAVAILABLE.
 */
export async function download(
  blobs: Blobs,
  what: Download,
  { request, correlationId }: DownloadRequest,
): Promise<Response> {
  const etag = `"${what.sha256}"`;
  const wanted = wantedOf(request.headers, etag, what.size);
  const headers = headersOf(what, etag);
  switch (wanted.kind) {
    case "not-modified":
      return new Response(null, { status: 304, headers });
    case "unsatisfiable":
      return outOfRange(what.size, correlationId);
    default: {
      const isPart = wanted.kind === "part";
      const { start, end } = isPart ? wanted : { start: 0, end: what.size - 1 };
      if (isPart) headers.set("Content-Range", `bytes ${start}-${end}/${what.size}`);
      const status = isPart ? 206 : 200;
      const length = end - start + 1;
      const isHead = request.method === "HEAD";
      const body = await bodyOf(blobs, { key: what.key, size: what.size, start, length, isHead });
      headers.set("Content-Length", String(length));
      return new Response(body, { status, headers });
    }
  }
}

function headersOf({ contentType, filename }: Download, etag: string): Headers {
  return new Headers({
    "Content-Type": contentType,
    "Content-Disposition": attachment(filename),
    ETag: etag,
    "Accept-Ranges": "bytes",
    // Another user at the same browser must not get it from a cache, and neither must its owner after deleting it.
    "Cache-Control": "private, no-cache",
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
  });
}

interface Part {
  readonly key: string;
  readonly size: number;
  readonly start: number;
  readonly length: number;
  readonly isHead: boolean;
}

/**
 * A file of this machine is given to the server as such: it then sends Content-Length, which Bun leaves out for streams,
 * and copies nothing through this process. Otherwise a stream, in which no file is held open by a FileHandle.
 */
async function bodyOf(blobs: Blobs, part: Part): Promise<Blob | ReadableStream<Uint8Array> | null> {
  const { key, size, start, length, isHead } = part;
  const stat = await blobs.stat(key);
  if (stat?.bytes !== size) throw gone();
  if (isHead || length === 0) return null;
  const path = await blobs.localPath?.(key);
  if (path !== undefined) return Bun.file(path).slice(start, start + length);
  const reading = await blobs.read(key, { range: { start, end: start + length - 1 } });
  if (reading === undefined) throw gone();
  return reading.stream;
}

function gone(): Fault {
  return new Fault("NOT_FOUND", "the bytes of this file are gone");
}

function outOfRange(size: number, correlationId: string): Response {
  const fault = new Fault("RANGE_NOT_SATISFIABLE", `there are ${size} bytes`);
  const response = problemResponse(fault, correlationId);
  response.headers.set("Content-Range", `bytes */${size}`);
  return response;
}
