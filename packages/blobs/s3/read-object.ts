import type { BlobReading, ReadOptions } from "../blobs.ts";
import { type Span, spanOf } from "../range.ts";
import type { S3Requests } from "./requests.ts";
import { faultOfAnswer, type S3Answer } from "./s3-fault.ts";

/** What one reader holds in memory. */
const WINDOW_BYTES = 2 * 1024 * 1024;

/**
 * An object as a stream of windows, each a request of its own when it is asked for. So a slow reader holds no connection
 * open, and a window that fails is asked for again instead of failing a download at 99 %. All of them are of one version
 * of the object (`If-Match`): if it is written anew meanwhile, the stream fails.
 */
export async function readObject(
  requests: S3Requests,
  name: string,
  { range, signal }: ReadOptions,
): Promise<BlobReading | undefined> {
  const head = await requests.send({ method: "HEAD", name, expects: [200, 404], signal });
  if (head.status === 404) return undefined;
  const bytes = bytesOf(head);
  const span = spanOf(range, bytes);
  const etag = head.headers.get("etag");
  const version: Readonly<Record<string, string>> = etag === null ? {} : { "if-match": etag };
  const windowAt = async (start: number, end: number) => {
    const headers = { ...version, range: `bytes=${start}-${end - 1}` };
    const answer = await requests.send({ method: "GET", name, headers, expects: [206], signal });
    if (answer.body.byteLength !== end - start) throw faultOfAnswer(answer);
    return answer.body;
  };
  return { bytes, ...span, stream: streamOf(span, windowAt) };
}

function streamOf(
  { start, length }: Span,
  windowAt: (start: number, end: number) => Promise<Uint8Array>,
): ReadableStream<Uint8Array> {
  const end = start + length;
  let position = start;
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const windowEnd = Math.min(position + WINDOW_BYTES, end);
        if (windowEnd > position) controller.enqueue(await windowAt(position, windowEnd));
        position = windowEnd;
        if (position === end) controller.close();
      },
    },
    { highWaterMark: 0 },
  );
}

export function bytesOf(head: S3Answer): number {
  const bytes = Number(head.headers.get("content-length") ?? Number.NaN);
  if (!Number.isSafeInteger(bytes)) throw faultOfAnswer(head);
  return bytes;
}
