import { Fault } from "@millrace/core";
import { IDEMPOTENCY_KEY_CHARS_MAX } from "@millrace/core/limits";
import { keyDigest } from "@millrace/protocol/events/index";

export type EventsForm = "lines" | "json";

const LINES = new Set([
  "application/x-ndjson",
  "application/ndjson",
  "application/jsonl",
  "application/x-jsonlines",
]);

/** Throws UNSUPPORTED_MEDIA_TYPE. Without a type it is taken for JSON. */
export function readForm(headers: Headers): EventsForm {
  const type = headers.get("content-type")?.split(";", 1)[0]?.trim().toLowerCase();
  if (type === undefined || type === "application/json") return "json";
  if (LINES.has(type)) return "lines";
  throw new Fault(
    "UNSUPPORTED_MEDIA_TYPE",
    "send one event or an array as application/json, or one event per line as application/x-ndjson",
  );
}

const KEY = new RegExp(`^[\\x21-\\x7e]{1,${IDEMPOTENCY_KEY_CHARS_MAX}}$`);

/** The digest of the request's Idempotency-Key, if it has one. Throws BAD_REQUEST. */
export function readIdempotencyKey(headers: Headers): string | undefined {
  const key = headers.get("idempotency-key");
  if (key === null) return undefined;
  if (KEY.test(key)) return keyDigest(key);
  throw new Fault(
    "BAD_REQUEST",
    `Idempotency-Key must be 1 to ${IDEMPOTENCY_KEY_CHARS_MAX} visible ASCII characters`,
  );
}
