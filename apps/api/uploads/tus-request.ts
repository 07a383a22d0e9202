import { Fault } from "@millrace/core";
import { FILE_BYTES_MAX, UPLOAD_METADATA_CHARS_MAX } from "@millrace/core/limits";
import { type Checksum, readChecksum } from "./checksum.ts";

export const TUS_VERSION = "1.0.0";
export const UPLOADS_PATH = "/api/uploads";

const BYTES_TYPE = "application/offset+octet-stream";

/** What the protocol is about; nothing else of a request is shown to the library. */
const PROTOCOL_HEADERS = [
  "tus-resumable",
  "upload-offset",
  "upload-length",
  "upload-defer-length",
  "upload-metadata",
  "upload-concat",
  "content-length",
] as const;

const METHODS = {
  collection: ["OPTIONS", "POST"],
  upload: ["DELETE", "HEAD", "OPTIONS", "PATCH"],
} as const;

export type TusMethod = "DELETE" | "HEAD" | "OPTIONS" | "PATCH" | "POST";

export interface TusRequest {
  readonly method: TusMethod;
  /** Undefined when the request creates an upload. */
  readonly fileId: string | undefined;
  /** Whether the body brings bytes of the file. */
  readonly bringsBytes: boolean;
  readonly checksum: Checksum | undefined;
  /** The request as the library gets it: without body, since bytes go past it (see `README.md`). */
  readonly bodyless: Request;
}

export function allowedMethods(fileId: string | undefined): readonly TusMethod[] {
  return METHODS[fileId === undefined ? "collection" : "upload"];
}

/**
 * Checks what @tus/server leaves out or answers otherwise than the protocol says: the version (412), the content type
 * (415), the method override, a missing offset (400), the checksum.
 *
 * @throws Fault
 */
export function readTusRequest(request: Request, fileId: string | undefined): TusRequest {
  const { headers } = request;
  const method = readMethod(request, fileId);
  if (method !== "OPTIONS" && headers.get("tus-resumable") !== TUS_VERSION)
    throw new Fault(
      "TUS_VERSION_UNSUPPORTED",
      `the header Tus-Resumable must be ${TUS_VERSION}, the version that this server speaks`,
    );
  const isBytes = mediaTypeOf(headers) === BYTES_TYPE;
  if (method === "PATCH" && !isBytes)
    throw new Fault("UNSUPPORTED_MEDIA_TYPE", `PATCH needs Content-Type: ${BYTES_TYPE}`);
  if (method === "PATCH" && !headers.has("upload-offset"))
    throw new Fault("BAD_REQUEST", "PATCH needs the header Upload-Offset");
  refuseTooLong(headers);
  const bringsBytes = method === "PATCH" || (method === "POST" && isBytes);
  const checksum = bringsBytes ? readChecksum(headers.get("upload-checksum")) : undefined;
  const bodyless = withoutBody(headers, { method, fileId, bringsBytes });
  return { method, fileId, bringsBytes, checksum, bodyless };
}

/** "The actual method of the request MUST be ignored": for clients that can send only GET and POST. */
function readMethod(request: Request, fileId: string | undefined): TusMethod {
  const wanted = (request.headers.get("x-http-method-override") ?? request.method).toUpperCase();
  const method = allowedMethods(fileId).find((each) => each === wanted);
  if (method !== undefined) return method;
  const known = allowedMethods(fileId).join(", ");
  throw new Fault("METHOD_NOT_ALLOWED", `${wanted.slice(0, 20)} is not allowed here; ${known} are`);
}

function mediaTypeOf(headers: Headers): string | undefined {
  return headers.get("content-type")?.split(";", 1)[0]?.trim().toLowerCase();
}

function refuseTooLong(headers: Headers): void {
  if ((headers.get("upload-metadata")?.length ?? 0) > UPLOAD_METADATA_CHARS_MAX)
    throw new Fault(
      "BAD_REQUEST",
      `Upload-Metadata may have ${UPLOAD_METADATA_CHARS_MAX} characters at most`,
    );
  const length = headers.get("upload-length");
  // Also for lengths that are no safe integer, which the library calls malformed.
  if (length !== null && /^\d+$/.test(length) && Number(length) > FILE_BYTES_MAX) throw tooLarge();
}

export function tooLarge(bytesMax: number = FILE_BYTES_MAX): Fault {
  return new Fault("BODY_TOO_LARGE", `the file may have ${bytesMax} bytes at most`, {
    members: { limit: { name: "bytes of a file", bytes: bytesMax } },
  });
}

function withoutBody(
  headers: Headers,
  { method, fileId, bringsBytes }: Pick<TusRequest, "method" | "fileId" | "bringsBytes">,
): Request {
  const kept = new Headers();
  for (const name of PROTOCOL_HEADERS) {
    const value = headers.get(name);
    if (value !== null) kept.set(name, value);
  }
  if (bringsBytes) kept.set("content-type", BYTES_TYPE);
  const path = fileId === undefined ? UPLOADS_PATH : `${UPLOADS_PATH}/${fileId}`;
  return new Request(`http://localhost${path}`, { method, headers: kept });
}
