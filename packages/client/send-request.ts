import { PACKED_BYTES_MIN } from "./bounds.ts";
import { ApiError } from "./errors.ts";
import { isTaken, type Taken } from "./event-shapes.ts";
import { expectShape } from "./shapes.ts";
import type { CallOptions, Transport } from "./transport.ts";

export interface EventRequest extends CallOptions {
  readonly lines: readonly string[];
  /** Makes the request one that can be sent again. */
  readonly idempotencyKey: string;
}

/**
 * One request of events. A request of which no event was accepted is an answer here, too: each has its reason.
 * @throws ApiError, UnreachableError; `takenBefore` says what was taken in spite of it
 */
export async function sendRequest(transport: Transport, request: EventRequest): Promise<Taken> {
  const body = request.lines.join("\n");
  const isPacked = !transport.isNear && body.length >= PACKED_BYTES_MIN;
  try {
    const reply = await transport.call({
      method: "POST",
      path: "/api/events",
      content: isPacked ? await pack(body) : body,
      headers: {
        "Content-Type": "application/x-ndjson",
        "Idempotency-Key": request.idempotencyKey,
        ...(isPacked && { "Content-Encoding": "gzip" }),
      },
      isRepeatable: true,
      signal: request.signal,
    });
    return expectShape(reply, isTaken);
  } catch (error) {
    if (error instanceof ApiError && error.status === 422 && isTaken(error.problem)) return error.problem;
    throw error;
  }
}

/** What was on the disk when the request failed, if the API has said so. */
export function takenBefore(error: unknown): Taken | undefined {
  if (!(error instanceof ApiError)) return undefined;
  const { taken } = error.problem;
  return isTaken(taken) ? taken : undefined;
}

async function pack(text: string): Promise<Uint8Array<ArrayBuffer>> {
  const packed = new Blob([text]).stream().pipeThrough(new CompressionStream("gzip"));
  return new Uint8Array(await new Response(packed).arrayBuffer());
}
