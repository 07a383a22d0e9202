export type * from "./blobs.ts";
export { isBlobKey } from "./key.ts";
export { openBlobs, type StorageConfig } from "./open.ts";
