import type { FileRow } from "@millrace/store";

/** What of a file's row the requests of an upload work with. */
export type UploadRow = Pick<
  FileRow,
  | "fileId"
  | "filename"
  | "contentType"
  | "operation"
  | "options"
  | "declaredSize"
  | "keptBytes"
  | "size"
  | "state"
  | "uploadExpiresAt"
  | "contentKey"
>;
