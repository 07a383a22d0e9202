import { FILE_STATUSES, type Json } from "@millrace/core";
import { FILE_BYTES_MAX, LIST_LIMIT_DEFAULT, LIST_LIMIT_MAX } from "@millrace/core/limits";
import { describeFileOperations } from "@millrace/protocol/file-operations/index";
import { listFiles, orStoreFault } from "@millrace/store";
import { Elysia, t } from "elysia";
import { documented } from "../docs/documented.ts";
import { readIdempotencyKey } from "../events/events-body.ts";
import { fileCursorAfter, readFileCursor } from "../files/file-cursor.ts";
import { viewFile } from "../files/view-file.ts";
import { guarded, sightOf } from "../http/access.ts";
import { choice, strict } from "../http/schema.ts";
import type { Ports } from "../ports.ts";
import { deleteFile } from "../use-cases/delete-file.ts";
import { findFileFor } from "../use-cases/show-file.ts";
import { streamFile } from "../use-cases/stream-file.ts";
import { uploadFile } from "../use-cases/upload-file.ts";
import { fileDownloads } from "./file-downloads.ts";
import { FileAnswer, FileList, OperationList, UploadForm } from "./file-schemas.ts";

const tag = "Files";
const MEBIBYTE = 1024 * 1024;
const aFile = (description: string) => ({ description, schema: FileAnswer });

export function fileRoutes(ports: Ports) {
  return new Elysia({ name: "files", prefix: "/api/files" })
    .use(guarded)
    .use(fileUploads(ports))
    .use(fileLists(ports))
    .use(fileViews(ports))
    .use(fileDownloads(ports));
}

function fileUploads(ports: Ports) {
  return new Elysia({ name: "file-uploads" }).use(guarded).post(
    "",
    async ({ request, identity, correlationId, span, set }) => {
      const idempotencyKey = readIdempotencyKey(request.headers) ?? null;
      const submission = { request, correlationId, span, idempotencyKey };
      const { isNew, file } = await uploadFile(ports, identity, submission);
      set.status = isNew ? 201 : 200;
      set.headers.location = `/api/files/${file.fileId}`;
      return viewFile(file, ports);
    },
    {
      scope: "files:write",
      parse: "none",
      detail: documented({
        summary: "Upload a file in one request",
        description: `A form with the fields \`file\`, \`operation\` and, if need be, \`options\` (JSON), in any order: up to ${FILE_BYTES_MAX / MEBIBYTE} MiB. It is stored, and its processing is queued, before the answer. With an \`Idempotency-Key\` the request can be repeated: the key alone decides, and what arrived first under it counts. Over a bad connection, use the resumable uploads.`,
        tag,
        form: UploadForm,
        answers: {
          201: aFile("It has arrived."),
          200: aFile("It had arrived before, under the same key."),
        },
        faults: [
          "BODY_TOO_LARGE",
          "UNSUPPORTED_MEDIA_TYPE",
          "VALIDATION_FAILED",
          "QUOTA_EXCEEDED",
          "UPLOAD_TIMEOUT",
          "UPLOAD_SUPERSEDED",
          "STORAGE_UNAVAILABLE",
          "STORAGE_FULL",
        ],
      }),
    },
  );
}

const ListQuery = strict({
  status: t.Optional(choice(FILE_STATUSES)),
  limit: t.Optional(
    t.Integer({ minimum: 1, maximum: LIST_LIMIT_MAX, description: `${LIST_LIMIT_DEFAULT} when absent.` }),
  ),
  cursor: t.Optional(t.String({ description: "`next_cursor` of the page before." })),
});

function fileLists(ports: Ports) {
  const operations: Json = { items: describeFileOperations() };
  return new Elysia({ name: "file-lists" })
    .use(guarded)
    .get(
      "",
      async ({ identity, query }) => {
        const { status, limit = LIST_LIMIT_DEFAULT } = query;
        const before = readFileCursor(query.cursor);
        const files = await orStoreFault(
          listFiles(ports.sql, { ownerId: sightOf(identity), status, limit, before }),
        );
        const last = files.length === limit ? files.at(-1) : undefined;
        const next_cursor = last === undefined ? null : fileCursorAfter(last.fileId);
        return { items: files.map((file) => viewFile(file, ports)), limit, next_cursor };
      },
      {
        scope: "files:read",
        query: ListQuery,
        detail: documented({
          summary: "List files",
          description: "Newest first; your own, or everybody's for operators.",
          tag,
          answers: { 200: { description: "A page.", schema: FileList } },
          faults: ["VALIDATION_FAILED"],
        }),
      },
    )
    .get("/operations", () => operations, {
      scope: "files:read",
      detail: documented({
        summary: "List what can be done with a file",
        tag,
        answers: { 200: { description: "The operations and their options.", schema: OperationList } },
      }),
    });
}

function fileViews(ports: Ports) {
  return new Elysia({ name: "file-views" })
    .use(guarded)
    .get(
      "/:file_id",
      async ({ identity, params }) => viewFile(await findFileFor(ports, identity, params.file_id), ports),
      {
        scope: "files:read",
        detail: documented({
          summary: "Show a file",
          tag,
          answers: { 200: aFile("The file, and how far it is.") },
          faults: ["NOT_FOUND"],
        }),
      },
    )
    .get(
      "/:file_id/stream",
      async ({ identity, params, request }) => {
        const lastEventId = request.headers.get("last-event-id");
        const response = await streamFile(ports, identity, { fileId: params.file_id, lastEventId });
        ports.keepOpen(request);
        return response;
      },
      {
        scope: "files:read",
        detail: documented({
          summary: "Follow a file",
          description:
            "Server-sent events `file`, each all of it as it stands, from the first byte to the result; `gone` when it was deleted or its upload given up. The stream ends with the file's end. With `Last-Event-ID` it goes on from there, and answers 204 when there is nothing more.",
          tag,
          answers: { 200: { description: "text/event-stream" }, 204: { description: "The end was seen." } },
          faults: ["NOT_FOUND"],
        }),
      },
    )
    .delete(
      "/:file_id",
      async ({ identity, params, set }) => {
        await deleteFile(ports, identity, params.file_id);
        set.status = 204;
      },
      {
        scope: "files:write",
        parse: "none",
        detail: documented({
          summary: "Delete a file",
          description: "With its result. Its task is cancelled if it is unfinished.",
          tag,
          answers: { 204: { description: "It does not exist any more." } },
          faults: ["NOT_FOUND"],
        }),
      },
    );
}
