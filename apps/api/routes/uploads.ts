import { Elysia } from "elysia";
import { documented } from "../docs/documented.ts";
import { guarded } from "../http/access.ts";
import type { Ports } from "../ports.ts";
import { describeUploads, serveUpload } from "../uploads/serve-upload.ts";

const tag = "Files";
const scope = "files:write";
const uploadFaults = [
  "BAD_REQUEST",
  "TUS_VERSION_UNSUPPORTED",
  "BODY_TOO_LARGE",
  "STORAGE_UNAVAILABLE",
  "STORAGE_FULL",
] as const;
const heldFaults = ["NOT_FOUND", "UPLOAD_EXPIRED", "UPLOAD_LOCKED"] as const;

const create = documented({
  summary: "Begin a resumable upload",
  description:
    "tus 1.0.0, for any of its clients. `Upload-Metadata` holds `filename`, `operation`, and as you like `options` (JSON) and `filetype`, each in base64. `Upload-Length` is at most 104857600; `Upload-Defer-Length: 1` stands for a size that is said later. With `Content-Type: application/offset+octet-stream` the body brings the first bytes. `Location` is the upload; its last part is the `file_id`. With the last byte the file's task exists.",
  tag,
  answers: { 201: { description: "`Location`, `Upload-Expires`, and `Upload-Offset` if there was a body." } },
  faults: [...uploadFaults, "VALIDATION_FAILED", "QUOTA_EXCEEDED", "CHECKSUM_MISMATCH"],
});
const show = documented({
  summary: "Ask where to go on with an upload",
  description: "Waits for a request that still sends to it; one whose sender is silent gives way.",
  tag,
  answers: { 200: { description: "`Upload-Offset`, `Upload-Length`, `Upload-Metadata`, `Upload-Expires`." } },
  faults: [...uploadFaults, ...heldFaults],
});
const append = documented({
  summary: "Send bytes of an upload",
  description:
    "From `Upload-Offset` on, as `application/offset+octet-stream`. Bytes before a broken connection are kept. With `Upload-Checksum` (sha1, sha256, sha512, md5) a chunk is kept whole or not at all. The `Upload-Offset` of the answer may be less than was sent, when the server had to end the request: go on from there.",
  tag,
  answers: { 204: { description: "`Upload-Offset`, and `Upload-Expires` while it is not finished." } },
  faults: [
    ...uploadFaults,
    ...heldFaults,
    "UPLOAD_OFFSET_CONFLICT",
    "UNSUPPORTED_MEDIA_TYPE",
    "CHECKSUM_MISMATCH",
  ],
});
const remove = documented({
  summary: "Give up an upload",
  description: "Its bytes are removed. A finished one is deleted as a file is, and its task cancelled.",
  tag,
  answers: { 204: { description: "Gone." } },
  faults: [...uploadFaults, ...heldFaults],
});
const options = documented({
  summary: "Ask what this server can do of tus",
  tag,
  answers: {
    204: { description: "`Tus-Version`, `Tus-Extension`, `Tus-Max-Size`, `Tus-Checksum-Algorithm`." },
  },
  isOpen: true,
});

/** Resumable uploads: tus 1.0.0. `parse: "none"` leaves the body to whoever takes it byte by byte. */
export function uploadRoutes(ports: Ports) {
  return new Elysia({ name: "uploads", prefix: "/api/uploads" })
    .options("", () => describeUploads(undefined), { detail: options })
    .options("/:file_id", ({ params }) => describeUploads(params.file_id), { detail: { hide: true } })
    .use(guarded)
    .post(
      "",
      ({ request, identity, correlationId }) =>
        serveUpload(ports, { request, identity, correlationId, fileId: undefined }),
      { scope, parse: "none", detail: create },
    )
    .head(
      "/:file_id",
      ({ request, identity, correlationId, params }) =>
        serveUpload(ports, { request, identity, correlationId, fileId: params.file_id }),
      { scope, parse: "none", detail: show },
    )
    .patch(
      "/:file_id",
      ({ request, identity, correlationId, params }) =>
        serveUpload(ports, { request, identity, correlationId, fileId: params.file_id }),
      { scope, parse: "none", detail: append },
    )
    .delete(
      "/:file_id",
      ({ request, identity, correlationId, params }) =>
        serveUpload(ports, { request, identity, correlationId, fileId: params.file_id }),
      { scope, parse: "none", detail: remove },
    )
    .post(
      "/:file_id",
      ({ request, identity, correlationId, params }) =>
        serveUpload(ports, { request, identity, correlationId, fileId: params.file_id }),
      { scope, parse: "none", detail: { hide: true } },
    );
}
