import { BLOB_PAGE_MAX } from "@millrace/core/limits";
import { type FoundObject, listMultiparts, listObjects } from "./list-objects.ts";
import { abortMultipart } from "./multipart.ts";
import type { Names } from "./names.ts";
import type { S3Requests } from "./requests.ts";
import { loadState } from "./upload-state.ts";

/**
 * Aborts multipart uploads that were begun before the time and belong to no upload that somebody went on with since;
 * then removes what says how far the old uploads are.
 */
export async function sweepUnfinished(requests: S3Requests, names: Names, sinceMs: number): Promise<number> {
  let removed = 0;
  for await (const multipart of listMultiparts(requests, names.blobs)) {
    if (multipart.initiatedAtMs >= sinceMs) continue;
    const stored = await loadState(requests, names.upload(names.keyOfBlob(multipart.name)));
    const isOfLiveUpload = stored?.state.uploadId === multipart.uploadId && stored.savedAtMs >= sinceMs;
    if (isOfLiveUpload) continue;
    await abortMultipart(requests, multipart);
    // An upload's parts and its state are one leftover.
    if (stored?.state.uploadId !== multipart.uploadId) removed += 1;
  }
  for await (const { name, modifiedAtMs } of allObjects(requests, names.unfinished)) {
    if (modifiedAtMs >= sinceMs) continue;
    await requests.send({ method: "DELETE", name, expects: [200, 204, 404] });
    removed += 1;
  }
  return removed;
}

async function* allObjects(requests: S3Requests, prefix: string): AsyncGenerator<FoundObject> {
  let after: string | undefined;
  for (;;) {
    const { objects, isCut } = await listObjects(requests, { prefix, after, limit: BLOB_PAGE_MAX });
    yield* objects;
    after = objects.at(-1)?.name;
    if (!isCut || after === undefined) return;
  }
}
