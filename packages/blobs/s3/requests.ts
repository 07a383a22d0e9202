import { type BackoffPolicy, type Random, retryDelayMs } from "@millrace/core";
import { STORAGE_ATTEMPTS_MAX, STORAGE_REQUEST_MS_MAX } from "@millrace/core/limits";
import { AwsV4Signer } from "aws4fetch";
import { CryptoHasher } from "bun";
import { errorCodeOf, faultOfAnswer, faultOfFailure, type S3Answer } from "./s3-fault.ts";
import type { S3Place } from "./s3-place.ts";

export interface S3Request {
  readonly method: "GET" | "HEAD" | "PUT" | "POST" | "DELETE";
  /** The object's whole name; absent: the bucket itself. */
  readonly name?: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | string;
  /** Statuses that the caller deals with. Every other one is a fault. */
  readonly expects: readonly number[];
  readonly signal?: AbortSignal | undefined;
}

export interface RetryRule {
  readonly attemptsMax: number;
  readonly requestMsMax: number;
  readonly backoff: BackoffPolicy;
  readonly random: Random;
}

export const RETRY_RULE: RetryRule = {
  attemptsMax: STORAGE_ATTEMPTS_MAX,
  requestMsMax: STORAGE_REQUEST_MS_MAX,
  backoff: { initialMs: 200, factor: 4, maxMs: 5_000, jitter: true },
  random: Math.random,
};

/** Not our fault, and perhaps over soon. 409: S3's "a conflicting operation is in progress". */
const PASSING = new Set([408, 409, 425, 429, 500, 502, 503, 504]);

/**
 * Signed requests to one bucket. Bun's own S3 client (1.4.5) is not used: it has no part of an upload that another
 * process could go on with, no signal and no time-out, and `writer().end(error)` stores what was written so far as if
 * that were all of it.
 */
export class S3Requests {
  readonly #place: S3Place;
  readonly #rule: RetryRule;

  constructor(place: S3Place, rule: RetryRule = RETRY_RULE) {
    this.#place = place;
    this.#rule = rule;
  }

  get prefix(): string {
    return this.#place.prefix;
  }

  /** Throws a fault, or the signal's reason. */
  async send(request: S3Request): Promise<S3Answer> {
    for (let attempt = 1; ; attempt += 1) {
      const isLast = attempt >= this.#rule.attemptsMax;
      const answer = await this.#sendOnce(request, attempt).catch((error: unknown) => {
        request.signal?.throwIfAborted();
        if (isLast) throw faultOfFailure(error);
        return undefined;
      });
      if (answer !== undefined) {
        if (request.expects.includes(answer.status) && !isFailureInDisguise(answer)) return answer;
        const mayPass = PASSING.has(answer.status) || isFailureInDisguise(answer);
        if (isLast || !mayPass) throw faultOfAnswer(answer);
      }
      await pause(retryDelayMs(attempt, this.#rule.backoff, this.#rule.random), request.signal);
    }
  }

  async #sendOnce(request: S3Request, attempts: number): Promise<S3Answer> {
    const signed = await this.#sign(request);
    const timeout = AbortSignal.timeout(this.#rule.requestMsMax);
    const signal = request.signal === undefined ? timeout : AbortSignal.any([timeout, request.signal]);
    // A range of compressed bytes would be one of other bytes.
    signed.headers.set("accept-encoding", "identity");
    const response = await fetch(signed.url, {
      method: signed.method,
      headers: signed.headers,
      ...(request.body !== undefined && { body: request.body }),
      redirect: "manual",
      signal,
    });
    const { status, headers } = response;
    // A server that does not know ranges would send the whole object.
    if (request.headers?.range !== undefined && status === 200) {
      await response.body?.cancel();
      throw new Error("the storage does not know ranges");
    }
    return { status, headers, body: await response.bytes(), attempts };
  }

  #sign(request: S3Request): Promise<{ url: URL; method: string; headers: Headers }> {
    const url = new URL(request.name === undefined ? this.#place.bucketUrl : this.#urlOf(request.name));
    for (const [name, value] of Object.entries(request.query ?? {})) url.searchParams.set(name, value);
    const { accessKeyId, secretAccessKey, region } = this.#place;
    return new AwsV4Signer({
      method: request.method,
      url: url.href,
      // The digest is signed, so that the server refuses bytes that changed on the way.
      headers: {
        ...request.headers,
        "x-amz-content-sha256": CryptoHasher.hash("sha256", request.body ?? "", "hex"),
      },
      ...{ accessKeyId, secretAccessKey, region, service: "s3" },
    }).sign();
  }

  #urlOf(name: string): string {
    return `${this.#place.bucketUrl}/${name}`;
  }
}

/** Some requests are answered with 200 before they are done, and the failure follows in the body. */
function isFailureInDisguise(answer: S3Answer): boolean {
  return answer.status === 200 && answer.headers.get("content-type")?.includes("xml") === true
    ? errorCodeOf(answer) !== undefined
    : false;
}

async function pause(delayMs: number, signal: AbortSignal | undefined): Promise<void> {
  const over = Promise.withResolvers<void>();
  const timer = setTimeout(over.resolve, delayMs);
  signal?.addEventListener("abort", () => over.resolve(), { once: true });
  await over.promise;
  clearTimeout(timer);
  signal?.throwIfAborted();
}
