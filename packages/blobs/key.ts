import { BLOB_KEY_CHARS_MAX } from "@millrace/core/limits";

/**
 * Lower-case, since some file systems cannot tell the cases apart; no dot, so that neither `..` nor a hidden file can be
 * named, and endings are ours; nothing that a URL would need to escape.
 */
const KEY = /^[a-z0-9][a-z0-9-]*(\/[a-z0-9][a-z0-9-]*)*$/;

export function isBlobKey(text: string): boolean {
  return text.length <= BLOB_KEY_CHARS_MAX && KEY.test(text);
}

/** A key that is none is a mistake in our code: users cannot name keys. */
export function requireKey(key: string): void {
  if (!isBlobKey(key)) throw new TypeError(`${JSON.stringify(key.slice(0, 80))} is not a key of a blob`);
}
