import { CONTENT_TYPE_DEFAULT } from "@millrace/core";

/**
 * RFC 6266: always a download, never shown. The name in ASCII for old clients, and as it is for all others (RFC 8187).
 * Names come from users: nothing in them ends the header or the quotes.
 */
export function attachment(filename: string): string {
  const plain = filename.replaceAll(/[^\x20-\x7e]/g, "_").replaceAll(/["\\%]/g, "_");
  const encoded = encodeURIComponent(filename.toWellFormed()).replaceAll(
    /['()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return `attachment; filename="${plain}"; filename*=UTF-8''${encoded}`;
}

/** What no browser runs, even if it ignores `nosniff`, the disposition and the sandbox. */
const HARMLESS = new Set([
  "application/gzip",
  "application/json",
  "application/zip",
  "image/gif",
  "image/jpeg",
  "image/png",
  "image/webp",
  "text/csv",
  "text/plain",
]);
const TEXT = new Set(["application/json", "text/csv", "text/plain"]);

/** Types that are no more than bytes, text or pixels are told as they are; any other is a stream of octets. */
export function safeTypeOf(type: string): string {
  const bare = type.split(";", 1)[0]?.trim().toLowerCase() ?? "";
  if (!HARMLESS.has(bare)) return CONTENT_TYPE_DEFAULT;
  // A text's own charset is not known; those that we make are UTF-8, and most others are, too.
  return TEXT.has(bare) && bare !== "application/json" ? `${bare}; charset=utf-8` : bare;
}
