import { Elysia } from "elysia";
import { documented } from "../docs/documented.ts";
import { guarded } from "../http/access.ts";
import type { Ports } from "../ports.ts";
import { downloadContent, downloadResult } from "../use-cases/show-file.ts";

const tag = "Files";
const ANSWERS = {
  200: { description: "The bytes." },
  206: { description: "The range that was asked for." },
  304: { description: "You have them already." },
};
const FAULTS = ["NOT_FOUND", "FILE_NOT_READY", "RANGE_NOT_SATISFIABLE", "STORAGE_UNAVAILABLE"] as const;

const contentOptions = {
  scope: "files:read",
  detail: documented({
    summary: "Download a file as it was uploaded",
    description: "One range at a time; the ETag is the sha256. For its owner alone.",
    tag,
    answers: ANSWERS,
    faults: [...FAULTS],
  }),
} as const;

const resultOptions = {
  scope: "files:read",
  detail: documented({
    summary: "Download what was made of a file",
    description: "FILE_NOT_READY until its processing has completed. For its owner alone.",
    tag,
    answers: ANSWERS,
    faults: [...FAULTS],
  }),
} as const;

/** HEAD has routes of its own: Bun would answer it through GET without a Content-Length. */
export function fileDownloads(ports: Ports) {
  return new Elysia({ name: "file-downloads" })
    .use(guarded)
    .get(
      "/:file_id/content",
      ({ identity, params, request, correlationId }) =>
        downloadContent(ports, identity, { fileId: params.file_id, request, correlationId }),
      contentOptions,
    )
    .head(
      "/:file_id/content",
      ({ identity, params, request, correlationId }) =>
        downloadContent(ports, identity, { fileId: params.file_id, request, correlationId }),
      { scope: "files:read", detail: { hide: true } },
    )
    .get(
      "/:file_id/result",
      ({ identity, params, request, correlationId }) =>
        downloadResult(ports, identity, { fileId: params.file_id, request, correlationId }),
      resultOptions,
    )
    .head(
      "/:file_id/result",
      ({ identity, params, request, correlationId }) =>
        downloadResult(ports, identity, { fileId: params.file_id, request, correlationId }),
      { scope: "files:read", detail: { hide: true } },
    );
}
