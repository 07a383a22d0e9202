import { fileURLToPath } from "node:url";
import type { Config } from "@millrace/config";
import type { Blobs } from "./blobs.ts";
import { openLocalBlobs } from "./local/local-blobs.ts";
import { openS3Blobs } from "./s3/s3-blobs.ts";
import { s3PlaceOf } from "./s3/s3-place.ts";

export type StorageConfig = Pick<
  Config,
  "storageUrl" | "s3Endpoint" | "s3Region" | "s3AccessKeyId" | "s3SecretAccessKey"
>;

/** For the start of a process: throws when the URL names no place, or the folder cannot be made. */
export async function openBlobs(config: StorageConfig): Promise<Blobs> {
  const { storageUrl: url } = config;
  if (url.startsWith("file:")) return openLocalBlobs(folderOf(url));
  const { s3Endpoint: endpoint, s3Region: region } = config;
  const { s3AccessKeyId: accessKeyId, s3SecretAccessKey: secretAccessKey } = config;
  return openS3Blobs(s3PlaceOf({ url, endpoint, region, accessKeyId, secretAccessKey }));
}

/** `file:files` lies below the working folder, `file:/var/files` and `file:///var/files` do not. */
function folderOf(url: string): string {
  return url.startsWith("file://") ? fileURLToPath(url) : url.slice("file:".length);
}
