import { Fault, type Identity } from "@millrace/core";
import { type FileRecord, findFile, orStoreFault } from "@millrace/store";
import { safeTypeOf } from "../files/disposition.ts";
import { type DownloadRequest, download } from "../files/download.ts";
import { resultOf, statusOf } from "../files/view-file.ts";
import { requireSight } from "../http/access.ts";
import type { Ports } from "../ports.ts";

const FILE_ID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** The file, if there is one that this identity may see. Throws NOT_FOUND. */
export async function findFileFor(ports: Ports, identity: Identity, fileId: string): Promise<FileRecord> {
  const file = FILE_ID.test(fileId) ? await orStoreFault(findFile(ports.hotSql, fileId)) : null;
  requireSight(identity, file?.ownerId, "file");
  return file as FileRecord; // requireSight throws when there is none.
}

/** Operators see that a file exists, and what became of it; its bytes are its owner's alone. */
async function findOwnFile(ports: Ports, identity: Identity, fileId: string): Promise<FileRecord> {
  const file = await findFileFor(ports, identity, fileId);
  if (file.ownerId !== identity.userId)
    throw new Fault("FORBIDDEN", "the bytes of a file are for its owner alone");
  return file;
}

/** The bytes as they were uploaded. Throws NOT_FOUND, FORBIDDEN, FILE_NOT_READY, STORAGE_UNAVAILABLE. */
export async function downloadContent(
  ports: Ports,
  identity: Identity,
  asked: DownloadRequest & { readonly fileId: string },
): Promise<Response> {
  const file = await findOwnFile(ports, identity, asked.fileId);
  const { size, sha256 } = file;
  if (size === null || sha256 === null) throw new Fault("FILE_NOT_READY", "the file still arrives");
  const response = await download(
    ports.blobs,
    {
      ...{ key: file.contentKey, size, sha256, filename: file.filename },
      contentType: safeTypeOf(file.contentType),
    },
    asked,
  );
  if (asked.request.method !== "HEAD") ports.fileMetrics.sent("content", sentBytes(response));
  return response;
}

/** What was made of the file. Throws NOT_FOUND, FORBIDDEN, FILE_NOT_READY, STORAGE_UNAVAILABLE. */
export async function downloadResult(
  ports: Ports,
  identity: Identity,
  asked: DownloadRequest & { readonly fileId: string },
): Promise<Response> {
  const file = await findOwnFile(ports, identity, asked.fileId);
  const status = statusOf(file);
  if (status !== "completed") throw notReady(file, status);
  const stored = resultOf(file)?.result ?? null;
  if (stored === null) throw new Fault("NOT_FOUND", "this file has no result to download");
  const { key, name: filename, size, sha256 } = stored;
  const response = await download(
    ports.blobs,
    { ...{ key, size, sha256, filename }, contentType: safeTypeOf(stored.content_type) },
    asked,
  );
  if (asked.request.method !== "HEAD") ports.fileMetrics.sent("result", sentBytes(response));
  return response;
}

function notReady(file: FileRecord, status: string): Fault {
  const reason = file.task?.error?.message ?? "no error was told";
  const message =
    status === "failed"
      ? `the file could not be processed: ${reason}`
      : `the file is ${status}; it has no result yet`;
  return new Fault("FILE_NOT_READY", message, { members: { file_status: status } });
}

function sentBytes(response: Response): number {
  return Number(response.headers.get("Content-Length") ?? 0);
}
