import { FILE_STATUSES } from "@millrace/core";
import { FILE_OPERATION_NAMES } from "@millrace/protocol/file-operations/index";
import { t } from "elysia";
import { choice, strict } from "../http/schema.ts";

const time = () => t.String({ format: "date-time" });
const maybeTime = () => t.Nullable(time());

export const FileAnswer = strict({
  file_id: t.String(),
  filename: t.String({ description: "The last segment of what the client sent, for display only." }),
  content_type: t.String({ description: "What the client said." }),
  operation: t.Nullable(
    choice(FILE_OPERATION_NAMES, { description: "Null while the form has not said it." }),
  ),
  options: t.Unknown(),
  size: t.Nullable(t.Integer({ description: "Bytes, once they have arrived." })),
  declared_size: t.Nullable(
    t.Integer({ description: "What the client declared; for a form, that of the whole request." }),
  ),
  uploaded: t.Integer({ description: "Bytes that have arrived." }),
  sha256: t.Nullable(t.String()),
  status: choice(FILE_STATUSES),
  progress: t.Nullable(
    t.Number({
      minimum: 0,
      maximum: 1,
      description: "Of the bytes while they arrive, of the processing afterwards.",
    }),
  ),
  attempts: t.Integer(),
  max_attempts: t.Nullable(t.Integer()),
  error: t.Nullable(strict({ code: t.String(), message: t.String() })),
  task_id: t.Nullable(t.String({ description: "Of the task that processes it: the file's id." })),
  upload: choice(["multipart", "tus"]),
  result: t.Nullable(
    strict({
      name: t.String(),
      content_type: t.String(),
      size: t.Integer(),
      sha256: t.String(),
      url: t.String(),
    }),
  ),
  summary: t.Unknown({ description: "What the operation says about the file, when it is small enough." }),
  created_at: time(),
  uploaded_at: maybeTime(),
  upload_expires_at: maybeTime(),
  started_at: maybeTime(),
  completed_at: maybeTime(),
  next_attempt_at: maybeTime(),
  correlation_id: t.String(),
});

export const FileList = strict({
  items: t.Array(FileAnswer),
  limit: t.Integer(),
  next_cursor: t.Nullable(t.String()),
});

export const OperationList = strict({
  items: t.Array(strict({ operation: t.String(), description: t.String(), options: t.Array(t.Unknown()) })),
});

/** Describes the form; it is read by hand, as it arrives. */
export const UploadForm = strict({
  file: t.String({ format: "binary" }),
  operation: choice(FILE_OPERATION_NAMES),
  options: t.Optional(t.String({ description: "JSON; `GET /api/files/operations` lists what each takes." })),
});
