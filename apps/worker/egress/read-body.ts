import type { IncomingMessage } from "node:http";
import type { Transform } from "node:stream";
import zlib from "node:zlib";

/**
 * What we tell servers that we understand. No "deflate": servers disagree about its format. No "zstd": Bun 1.4.5 takes a
 * zstd stream that was cut short for a whole one.
 */
export const ACCEPT_ENCODING = "gzip, br";

export type BodyResult =
  | { readonly kind: "body"; readonly bytes: Buffer; readonly isTruncated: boolean }
  | {
      readonly kind: "failed";
      readonly problem: "cut" | "corrupt" | "unknown_coding";
      readonly message: string;
    };

const DECODERS: Readonly<Record<string, () => Transform>> = {
  gzip: () => zlib.createGunzip(),
  "x-gzip": () => zlib.createGunzip(),
  br: () => zlib.createBrotliDecompress(),
};

/**
 * Reads at most `bytesMax` bytes of the decoded body, and then drops the connection: neither an endless body nor a
 * compressed one that unfolds to gigabytes is read further, because each chunk is counted after decoding and the next
 * one is only asked for when the last was taken. Rejects with the signal's reason on abort, be the body ever so slow.
 */
export function readBody(
  response: IncomingMessage,
  bytesMax: number,
  signal: AbortSignal,
): Promise<BodyResult> {
  const coding = (response.headers["content-encoding"] ?? "identity").trim().toLowerCase();
  const isPlain = coding === "identity" || coding === "";
  const decoder = isPlain ? undefined : Object.hasOwn(DECODERS, coding) ? DECODERS[coding]?.() : null;
  if (decoder === null) {
    response.destroy();
    const message = `the response is coded as ${coding.slice(0, 40)}, which was not offered`;
    return Promise.resolve({ kind: "failed", problem: "unknown_coding", message });
  }
  return new Promise((resolve, reject) => {
    const reader = new BodyReader({ response, decoder, bytesMax });
    const onAbort = () => {
      reader.stop();
      reject(signal.reason);
    };
    reader.onEnd = (result) => {
      signal.removeEventListener("abort", onAbort);
      resolve(result);
    };
    if (signal.aborted) return onAbort();
    signal.addEventListener("abort", onAbort, { once: true });
    reader.start();
  });
}

class BodyReader {
  onEnd: (result: BodyResult) => void = () => {};
  readonly #response: IncomingMessage;
  readonly #decoder: Transform | undefined;
  readonly #bytesMax: number;
  readonly #chunks: Buffer[] = [];
  #bytes = 0;
  #receivedBytes = 0;
  #isEnded = false;

  constructor(source: { response: IncomingMessage; decoder: Transform | undefined; bytesMax: number }) {
    this.#response = source.response;
    this.#decoder = source.decoder;
    this.#bytesMax = source.bytesMax;
  }

  start(): void {
    const response = this.#response;
    const onCut = (error?: Error) => this.#fail("cut", error?.message ?? "the connection was closed");
    response.on("error", onCut);
    response.once("aborted", () => onCut());
    response.once("close", () => {
      if (!response.complete) onCut();
    });
    const decoder = this.#decoder;
    if (decoder === undefined) {
      response.on("data", (chunk: Buffer) => this.#take(chunk));
      response.once("end", () => this.#finish(false));
      return;
    }
    response.on("data", (chunk: Buffer) => {
      this.#receivedBytes += chunk.byteLength;
    });
    decoder.on("data", (chunk: Buffer) => this.#take(chunk));
    decoder.once("end", () => this.#finish(false));
    decoder.on("error", (error) => {
      // A HEAD or a 304 names the coding of a body that it does not have.
      if (this.#receivedBytes === 0 && response.complete) this.#finish(false);
      else this.#fail("corrupt", `the response does not decode: ${error.message}`);
    });
    response.pipe(decoder);
  }

  /** Nothing more is read; the connection cannot be used again. */
  stop(): void {
    this.#isEnded = true;
    this.#response.unpipe();
    this.#response.on("error", () => {});
    this.#response.destroy();
    this.#decoder?.destroy();
  }

  #take(chunk: Buffer): void {
    if (this.#isEnded) return;
    const room = this.#bytesMax - this.#bytes;
    this.#chunks.push(chunk.byteLength > room ? chunk.subarray(0, room) : chunk);
    this.#bytes += Math.min(chunk.byteLength, room);
    if (chunk.byteLength > room) this.#finish(true);
  }

  #finish(isTruncated: boolean): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    if (isTruncated) this.stop();
    this.onEnd({ kind: "body", bytes: Buffer.concat(this.#chunks), isTruncated });
  }

  #fail(problem: "cut" | "corrupt", message: string): void {
    if (this.#isEnded) return;
    this.stop();
    this.onEnd({ kind: "failed", problem, message });
  }
}
