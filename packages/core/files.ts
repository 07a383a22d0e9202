import { CONTENT_TYPE_CHARS_MAX, FILENAME_BYTES_MAX } from "./limits/files.ts";
import type { TaskStatus } from "./task.ts";

/** What a client sees of a file. */
export const FILE_STATUSES = ["uploading", "queued", "processing", "completed", "failed"] as const;
export type FileStatus = (typeof FILE_STATUSES)[number];

/** A file is as far as its task; one without a task still arrives. */
export function fileStatusOf(task: TaskStatus | null): FileStatus {
  switch (task) {
    case null:
      return "uploading";
    case "pending":
      return "queued";
    case "running":
      return "processing";
    case "completed":
      return "completed";
    case "failed":
    case "cancelled":
      return "failed";
  }
}

export const FILENAME_DEFAULT = "file";
/** C0, DEL, C1; marks that change the direction of writing and so disguise an extension; line and paragraph ends. */
const UNSEEN = /[\p{Cc}\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]/gu;

/**
 * A file's name as it may be shown: the last segment of whatever path the client sent, by either slash, without what
 * cannot be seen, in at most FILENAME_BYTES_MAX bytes; its extension survives the cut. Never part of a path.
 */
export function cleanFilename(sent: string): string {
  const last = sent.toWellFormed().split(/[/\\]/).at(-1) ?? "";
  const seen = last.replaceAll(UNSEEN, "").trim();
  if (seen === "" || /^\.+$/.test(seen)) return FILENAME_DEFAULT;
  const extension = /\.[^.]{1,16}$/u.exec(seen)?.[0] ?? "";
  const stem = seen.slice(0, seen.length - extension.length);
  return cut(stem, FILENAME_BYTES_MAX - utf8Bytes(extension)) + extension;
}

/** As many whole characters as fit. */
function cut(text: string, bytesMax: number): string {
  if (utf8Bytes(text) <= bytesMax) return text;
  let bytes = 0;
  let kept = "";
  for (const character of text) {
    bytes += utf8Bytes(character);
    if (bytes > bytesMax) break;
    kept += character;
  }
  return kept;
}

function utf8Bytes(text: string): number {
  let bytes = 0;
  for (const character of text) {
    const point = character.codePointAt(0) ?? 0;
    bytes += point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x1_0000 ? 3 : 4;
  }
  return bytes;
}

export const CONTENT_TYPE_DEFAULT = "application/octet-stream";
/** RFC 9110, section 8.3.1: type and subtype are tokens. */
const MEDIA_TYPE = /^[a-z0-9!#$&^_.+-]+\/[a-z0-9!#$&^_.+-]+$/;

/** What the client said that a file is, without parameters, or CONTENT_TYPE_DEFAULT. Nothing may be concluded from it. */
export function cleanContentType(sent: string | undefined): string {
  const type = sent?.split(";", 1)[0]?.trim().toLowerCase() ?? "";
  return type.length <= CONTENT_TYPE_CHARS_MAX && MEDIA_TYPE.test(type) ? type : CONTENT_TYPE_DEFAULT;
}
