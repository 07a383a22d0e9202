import type { Ports } from "../ports.ts";

/** What resumable uploads reach of the process. */
export type TusPorts = Pick<
  Ports,
  | "sql"
  | "intake"
  | "dispatcher"
  | "blobs"
  | "fileRules"
  | "fileMetrics"
  | "liveFiles"
  | "live"
  | "uploadSlots"
  | "uploadLocks"
  | "draining"
  | "nowMs"
  | "log"
>;
