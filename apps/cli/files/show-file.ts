import type { FileInfo } from "@millrace/client";
import { formatFields } from "../shell/table.ts";

export function showFile(file: FileInfo): string {
  const { error, result, summary } = file;
  return formatFields([
    ["file", file.file_id],
    ["name", file.filename],
    ["size", `${file.size ?? `${file.uploaded} of ${file.declared_size ?? "?"}`} bytes`],
    ["sha256", file.sha256],
    ["operation", file.operation],
    ["status", statusOf(file)],
    ["attempts", String(file.attempts)],
    ["error", error === null ? null : `${error.code}: ${error.message}`],
    ["result", result === null ? null : `${result.name}, ${result.size} bytes, ${result.content_type}`],
    ["summary", summary === null ? null : JSON.stringify(summary)],
  ]);
}

/** `processing 54 %` */
export function statusOf({ status, progress }: FileInfo): string {
  const isUnderWay = status === "uploading" || status === "processing";
  return isUnderWay && progress !== null ? `${status} ${Math.floor(progress * 100)} %` : status;
}
