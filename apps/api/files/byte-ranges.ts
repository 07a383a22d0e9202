/** What a request wants of `size` bytes. RFC 9110, sections 13 and 14. */
export type Wanted =
  | { readonly kind: "whole" }
  | { readonly kind: "part"; readonly start: number; readonly end: number }
  | { readonly kind: "not-modified" }
  /** The range begins beyond the end. */
  | { readonly kind: "unsatisfiable" };

/** @param etag strong, quoted */
export function wantedOf(headers: Headers, etag: string, size: number): Wanted {
  if (isNoneMatch(headers.get("if-none-match"), etag)) return { kind: "not-modified" };
  const range = headers.get("range");
  if (range === null || !isSameVersion(headers.get("if-range"), etag)) return { kind: "whole" };
  return partOf(range, size);
}

/** Weak comparison: a cache that marked its copy as weak still has it. */
function isNoneMatch(header: string | null, etag: string): boolean {
  if (header === null) return false;
  if (header.trim() === "*") return true;
  return header.split(",").some((one) => one.trim().replace(/^W\//, "") === etag);
}

/** A date says less than an etag, so it never holds here; then all of it is sent. */
function isSameVersion(ifRange: string | null, etag: string): boolean {
  return ifRange === null || ifRange.trim() === etag;
}

/** What is no single range of bytes is ignored, as the standard allows: then all of it is sent. */
function partOf(range: string, size: number): Wanted {
  const match = /^bytes=\s*(\d{0,15})-(\d{0,15})\s*$/i.exec(range.trim());
  const [, first = "", last = ""] = match ?? [];
  if (match === null || (first === "" && last === "")) return { kind: "whole" };
  if (first === "") {
    const suffix = Number(last);
    if (suffix === 0 || size === 0) return { kind: "unsatisfiable" };
    return { kind: "part", start: Math.max(0, size - suffix), end: size - 1 };
  }
  const start = Number(first);
  const end = last === "" ? size - 1 : Number(last);
  if (last !== "" && end < start) return { kind: "whole" };
  if (start >= size) return { kind: "unsatisfiable" };
  return { kind: "part", start, end: Math.min(end, size - 1) };
}
