export * from "./advance-upload.ts";
export * from "./create-upload.ts";
export * from "./delete-file.ts";
export * from "./expire-uploads.ts";
export type { FileRecord, FileRow, FileState, UploadKind } from "./file-record.ts";
export * from "./find-file.ts";
export * from "./find-referenced-keys.ts";
export * from "./finish-upload.ts";
export * from "./list-files.ts";
