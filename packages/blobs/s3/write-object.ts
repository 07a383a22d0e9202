import { BLOB_PART_BYTES } from "@millrace/core/limits";
import { CryptoHasher } from "bun";
import type { ByteSource, WriteOptions, WrittenBlob } from "../blobs.ts";
import { blocksOf } from "../blocks.ts";
import {
  abortMultipart,
  completeMultipart,
  createMultipart,
  type Multipart,
  type SentPart,
  sendPart,
} from "./multipart.ts";
import { putObject } from "./put-object.ts";
import type { S3Requests } from "./requests.ts";

export interface NewObject {
  readonly name: string;
  readonly source: ByteSource;
}

/**
 * What fits into one part is one request. More is a multipart upload, a part at a time: 5 MiB are read while nothing is
 * sent, and sent while nothing is read, which is all the memory that it takes.
 */
export async function writeObject(
  requests: S3Requests,
  { name, source }: NewObject,
  options: WriteOptions,
): Promise<WrittenBlob> {
  const hasher = new CryptoHasher("sha256");
  const { signal } = options;
  const parts: SentPart[] = [];
  let upload: Multipart | undefined;
  let bytes = 0;
  try {
    let rest: Uint8Array | undefined;
    for await (const block of blocksOf(source, { ...options, blockBytes: BLOB_PART_BYTES })) {
      hasher.update(block);
      bytes += block.byteLength;
      // A short block is the last one, if the source ends well.
      rest = block.byteLength < BLOB_PART_BYTES ? block : undefined;
      if (rest !== undefined) continue;
      upload ??= await createMultipart(requests, { name, mark: crypto.randomUUID() }, signal);
      const number = parts.length + 1;
      parts.push({ number, etag: await sendPart(requests, upload, { number, bytes: block, signal }) });
    }
    if (upload === undefined) await putObject(requests, { name, bytes: rest ?? new Uint8Array(), signal });
    else await completeRest(requests, upload, { parts, rest });
  } catch (error) {
    if (upload !== undefined) await abortMultipart(requests, upload).catch(leaveToSweep);
    throw error;
  }
  return { bytes, sha256: hasher.digest("hex") };
}

async function completeRest(
  requests: S3Requests,
  upload: Multipart,
  { parts, rest }: { readonly parts: readonly SentPart[]; readonly rest: Uint8Array | undefined },
): Promise<void> {
  if (rest === undefined) return completeMultipart(requests, upload, parts);
  const number = parts.length + 1;
  const etag = await sendPart(requests, upload, { number, bytes: rest });
  await completeMultipart(requests, upload, [...parts, { number, etag }]);
}

/** The failure that led here counts. What stays behind is an unfinished upload, which a sweep finds. */
function leaveToSweep(): void {}
