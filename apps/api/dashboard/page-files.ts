import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** A file of the page as it lies in its folder: plain, and packed where packing helped. */
interface PageFile {
  readonly type: string;
  readonly plain: Uint8Array<ArrayBuffer>;
  readonly packed: readonly { readonly encoding: "br" | "gzip"; readonly bytes: Uint8Array<ArrayBuffer> }[];
}

const TYPES: Readonly<Record<string, string>> = {
  css: "text/css; charset=utf-8",
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
};
const PACKED = [
  { ending: ".br", encoding: "br" },
  { ending: ".gz", encoding: "gzip" },
] as const;

/** Nothing stands in the page itself and nothing comes from elsewhere; whatever got in could neither run nor tell. */
const PAGE_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");
const PAGE_HEADERS = {
  "Cache-Control": "no-cache",
  "Content-Security-Policy": PAGE_POLICY,
  "Cross-Origin-Opener-Policy": "same-origin",
  "Referrer-Policy": "no-referrer",
  "X-Frame-Options": "DENY",
};
/** Their names hold a hash of their content. */
const ASSET_HEADERS = { "Cache-Control": "public, max-age=31536000, immutable" };

export interface Dashboard {
  /** The page, for each of its addresses. */
  page(request: Request): Response;
  /** Null when there is no such file. */
  asset(name: string, request: Request): Response | null;
}

/** Reads a built page into memory, some hundred kilobytes. Throws when the folder holds none. */
export function openDashboard(folder: string): Dashboard {
  const index = readPageFile(folder, "index.html");
  const assets = join(folder, "assets");
  const files = new Map(
    readdirSync(assets)
      .filter((name) => TYPES[name.split(".").at(-1) ?? ""] !== undefined)
      .map((name) => [name, readPageFile(assets, name)]),
  );
  return {
    page: (request) => answer(index, request, PAGE_HEADERS),
    asset: (name, request) => {
      const file = files.get(name);
      return file === undefined ? null : answer(file, request, ASSET_HEADERS);
    },
  };
}

function readPageFile(folder: string, name: string): PageFile {
  const path = join(folder, name);
  return {
    type: TYPES[name.split(".").at(-1) ?? ""] ?? "application/octet-stream",
    plain: new Uint8Array(readFileSync(path)),
    packed: PACKED.filter(({ ending }) => existsSync(`${path}${ending}`)).map(({ ending, encoding }) => ({
      encoding,
      bytes: new Uint8Array(readFileSync(`${path}${ending}`)),
    })),
  };
}

function answer(
  { type, plain, packed }: PageFile,
  request: Request,
  headers: Readonly<Record<string, string>>,
): Response {
  const accepted = request.headers.get("Accept-Encoding") ?? "";
  const chosen = packed.find(({ encoding }) => accepts(accepted, encoding));
  return new Response(chosen?.bytes ?? plain, {
    headers: {
      ...headers,
      "Content-Type": type,
      Vary: "Accept-Encoding",
      ...(chosen !== undefined && { "Content-Encoding": chosen.encoding }),
    },
  });
}

/** `gzip, br;q=0` takes gzip and refuses br. */
function accepts(header: string, encoding: string): boolean {
  return header.split(",").some((part) => {
    const [name = "", ...parameters] = part.split(";").map((word) => word.trim().toLowerCase());
    return name === encoding && !parameters.some((parameter) => /^q=0(\.0*)?$/.test(parameter));
  });
}
