import { Fault, type FaultCode } from "@millrace/core";
import { FILE_BYTES_MAX } from "@millrace/core/limits";
import { faultOf } from "../http/fault-of.ts";
import { problemResponse } from "../http/problem.ts";
import { CHECKSUM_ALGORITHMS } from "./checksum.ts";
import { TUS_VERSION } from "./tus-request.ts";

/** What the library's answers may tell: it adds headers for browsers of other origins, which are not wanted here. */
const KEPT_HEADERS = [
  "cache-control",
  "location",
  "tus-extension",
  "tus-max-size",
  "tus-version",
  "upload-defer-length",
  "upload-length",
  "upload-metadata",
  "upload-offset",
] as const;

export function tusAnswer(library: Response, expiresAt: Date | undefined): Response {
  const headers = new Headers({ "Tus-Resumable": TUS_VERSION });
  for (const name of KEPT_HEADERS) {
    const value = library.headers.get(name);
    if (value !== null) headers.set(name, value);
  }
  if (expiresAt !== undefined) headers.set("Upload-Expires", expiresAt.toUTCString());
  return new Response(null, { status: library.status, headers });
}

/** For OPTIONS: anybody may ask. */
export function tusOptions(extensions: readonly string[], allowed: readonly string[]): Response {
  return new Response(null, {
    status: 204,
    headers: {
      Allow: allowed.join(", "),
      "Tus-Resumable": TUS_VERSION,
      "Tus-Version": TUS_VERSION,
      "Tus-Extension": extensions.join(","),
      "Tus-Max-Size": String(FILE_BYTES_MAX),
      "Tus-Checksum-Algorithm": CHECKSUM_ALGORITHMS.join(","),
    },
  });
}

/** The same problems as everywhere, with what the protocol wants beside them. */
export function tusProblem(fault: Fault, correlationId: string): Response {
  const response = problemResponse(fault, correlationId);
  response.headers.set("Tus-Resumable", TUS_VERSION);
  if (fault.code === "TUS_VERSION_UNSUPPORTED") response.headers.set("Tus-Version", TUS_VERSION);
  return response;
}

const CODES: Readonly<Record<number, FaultCode>> = {
  404: "NOT_FOUND",
  409: "UPLOAD_OFFSET_CONFLICT",
  410: "UPLOAD_EXPIRED",
  413: "BODY_TOO_LARGE",
};

interface LibraryError {
  readonly status_code: number;
  readonly body: string;
}

/** What the library throws of its own are plain objects with a status and a text. */
export function faultOfLibrary(error: unknown): Fault {
  return isLibraryError(error) ? faultOfStatus(error.status_code, error.body) : faultOf(error);
}

/** Also for what it answers without throwing. Whatever it refuses, the request was at fault. */
export function faultOfStatus(status: number, text: string): Fault {
  const message = text.trim() === "" ? "the request is no valid tus request" : text.trim();
  if (status >= 500 && status !== 501)
    return new Fault("INTERNAL", `@tus/server answered ${status}`, { cause: message });
  return new Fault(CODES[status] ?? "BAD_REQUEST", message);
}

function isLibraryError(error: unknown): error is LibraryError {
  if (typeof error !== "object" || error === null || error instanceof Fault) return false;
  return "status_code" in error && typeof error.status_code === "number" && "body" in error;
}
