import { Fault } from "@millrace/core";
import { textOf } from "./xml.ts";

/** An answer, read to its end. */
export interface S3Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Uint8Array;
  /** Times that the request was sent. An odd answer to the second may be due to the first. */
  readonly attempts: number;
}

export function xmlOf(answer: S3Answer): string {
  return new TextDecoder().decode(answer.body);
}

/** S3's name for what went wrong, such as NoSuchUpload; undefined for answers without a body. */
export function errorCodeOf(answer: S3Answer): string | undefined {
  const xml = xmlOf(answer);
  return xml.includes("<Error>") ? textOf(xml, "Code") : undefined;
}

const FULL = new Set(["QuotaExceeded", "XMinioStorageFull", "StorageFull", "InsufficientStorage"]);

/** What an answer amounts to that nobody expected. A bucket that is gone, or keys that are wrong, are "away" too. */
export function faultOfAnswer(answer: S3Answer): Fault {
  const code = errorCodeOf(answer);
  const told = code === undefined ? `${answer.status}` : `${answer.status} ${code}`;
  if (answer.status === 507 || (code !== undefined && FULL.has(code)))
    return new Fault("STORAGE_FULL", `the storage has no room left (${told})`);
  return new Fault("STORAGE_UNAVAILABLE", `the storage refuses (${told})`, { retryAfterS: 5 });
}

export function faultOfFailure(error: unknown): Fault {
  const told = error instanceof Error ? error.message : String(error);
  return new Fault("STORAGE_UNAVAILABLE", `the storage does not answer: ${told}`, {
    cause: error,
    retryAfterS: 5,
  });
}
