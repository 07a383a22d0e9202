import { assert } from "@millrace/core";
import { BLOB_PARTS_MAX } from "@millrace/core/limits";
import type { S3Requests } from "./requests.ts";
import { errorCodeOf, faultOfAnswer, xmlOf } from "./s3-fault.ts";
import { encode, textOf } from "./xml.ts";

/** Whose write an object is: its value is random, and is how a writer knows its own object when an answer got lost. */
const WRITE_MARK = "x-amz-meta-write";

export interface Multipart {
  readonly name: string;
  readonly uploadId: string;
  /** Also the mark of the object that it becomes. */
  readonly mark: string;
}

export async function createMultipart(
  requests: S3Requests,
  { name, mark }: Pick<Multipart, "name" | "mark">,
  signal?: AbortSignal,
): Promise<Multipart> {
  const answer = await requests.send({
    ...{
      method: "POST",
      name,
      query: { uploads: "" },
      headers: { [WRITE_MARK]: mark },
      expects: [200],
      signal,
    },
  });
  const uploadId = textOf(xmlOf(answer), "UploadId");
  if (uploadId === undefined) throw faultOfAnswer(answer);
  return { name, uploadId, mark };
}

export interface Part {
  /** 1 … BLOB_PARTS_MAX. Sending a part again replaces it. */
  readonly number: number;
  readonly bytes: Uint8Array;
  readonly signal?: AbortSignal | undefined;
}

export interface SentPart {
  readonly number: number;
  /** With its quotes. */
  readonly etag: string;
}

/** The part's ETag, with its quotes. */
export async function sendPart(requests: S3Requests, upload: Multipart, part: Part): Promise<string> {
  const { number, bytes, signal } = part;
  assert(number <= BLOB_PARTS_MAX, "an object in S3 has at most 10 000 parts");
  const { name, uploadId } = upload;
  const query = { partNumber: String(number), uploadId };
  const answer = await requests.send({ method: "PUT", name, query, body: bytes, expects: [200], signal });
  const etag = answer.headers.get("etag");
  if (etag === null) throw faultOfAnswer(answer);
  return etag;
}

/**
 * Makes the parts one object. When the answer to a first attempt got lost, the second finds no upload any more; then
 * the object's mark tells whether it is ours. Also when another process was faster with the same parts.
 */
export async function completeMultipart(
  requests: S3Requests,
  upload: Multipart,
  parts: readonly SentPart[],
): Promise<void> {
  const listed = parts.map(
    ({ number, etag }) => `<Part><PartNumber>${number}</PartNumber><ETag>${encode(etag)}</ETag></Part>`,
  );
  const { name, uploadId } = upload;
  const body = `<CompleteMultipartUpload>${listed.join("")}</CompleteMultipartUpload>`;
  const answer = await requests.send({
    method: "POST",
    name,
    query: { uploadId },
    body,
    expects: [200, 404],
  });
  if (answer.status === 200) return;
  if (errorCodeOf(answer) === "NoSuchUpload" && (await isCompleted(requests, upload))) return;
  throw faultOfAnswer(answer);
}

/** Whether the object of that name is what became of this upload. */
export async function isCompleted(requests: S3Requests, { name, mark }: Multipart): Promise<boolean> {
  const answer = await requests.send({ method: "HEAD", name, expects: [200, 404] });
  return answer.headers.get(WRITE_MARK) === mark;
}

/** Frees what the parts take. Harmless when the upload is gone, or completed. */
export async function abortMultipart(
  requests: S3Requests,
  { name, uploadId }: Pick<Multipart, "name" | "uploadId">,
): Promise<void> {
  await requests.send({ method: "DELETE", name, query: { uploadId }, expects: [200, 204, 404] });
}
