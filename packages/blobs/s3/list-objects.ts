import type { S3Requests } from "./requests.ts";
import { xmlOf } from "./s3-fault.ts";
import { elementsOf, textOf } from "./xml.ts";

export interface FoundObject {
  readonly name: string;
  readonly bytes: number;
  readonly modifiedAtMs: number;
}

export interface Page {
  readonly prefix: string;
  /** Only names that come after this one. */
  readonly after: string | undefined;
  readonly limit: number;
}

/** In the order of their names. `isCut`: there are more. */
export async function listObjects(
  requests: S3Requests,
  { prefix, after, limit }: Page,
): Promise<{ readonly objects: readonly FoundObject[]; readonly isCut: boolean }> {
  const query = {
    "list-type": "2",
    "max-keys": String(limit),
    prefix,
    ...(after && { "start-after": after }),
  };
  const xml = xmlOf(await requests.send({ method: "GET", query, expects: [200] }));
  const objects = elementsOf(xml, "Contents").map((content) => ({
    name: textOf(content, "Key") ?? "",
    bytes: Number(textOf(content, "Size")),
    modifiedAtMs: Date.parse(textOf(content, "LastModified") ?? ""),
  }));
  return { objects, isCut: textOf(xml, "IsTruncated") === "true" };
}

export interface FoundMultipart {
  readonly name: string;
  readonly uploadId: string;
  readonly initiatedAtMs: number;
}

/** Multipart uploads that were neither completed nor aborted. They are in no list of objects, and cost all the same. */
export async function* listMultiparts(requests: S3Requests, prefix: string): AsyncGenerator<FoundMultipart> {
  let markers: Readonly<Record<string, string>> = {};
  for (;;) {
    const query = { uploads: "", prefix, ...markers };
    const xml = xmlOf(await requests.send({ method: "GET", query, expects: [200] }));
    for (const upload of elementsOf(xml, "Upload")) {
      yield {
        name: textOf(upload, "Key") ?? "",
        uploadId: textOf(upload, "UploadId") ?? "",
        initiatedAtMs: Date.parse(textOf(upload, "Initiated") ?? ""),
      };
    }
    const keyMarker = textOf(xml, "NextKeyMarker") ?? "";
    // A marker that does not move would go round for ever.
    if (textOf(xml, "IsTruncated") !== "true" || keyMarker === "") return;
    const next = { "key-marker": keyMarker, "upload-id-marker": textOf(xml, "NextUploadIdMarker") ?? "" };
    if (Bun.deepEquals(next, markers)) return;
    markers = next;
  }
}
