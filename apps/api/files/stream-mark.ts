import type { FileStatus } from "@millrace/core";
import type { FileView } from "./view-file.ts";

const STAGES: Readonly<Record<FileStatus, number>> = {
  uploading: 0,
  queued: 1,
  processing: 2,
  failed: 3,
  completed: 3,
};

/**
 * How far a file is, as the id of an event: `<attempt>.<stage>.<bytes or per mille>`, each grows with the one before
 * standing still. A file that waits for its next attempt counts as being in it, so a retry is further on than the
 * failure before.
 */
export function markOf({ status, attempts, progress, uploaded }: FileView): string {
  const attempt = status === "queued" ? attempts + 1 : attempts;
  const done = status === "uploading" ? uploaded : Math.floor((progress ?? 0) * 1000);
  return `${attempt}.${STAGES[status]}.${done}`;
}
