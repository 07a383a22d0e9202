import {
  CONTENT_TYPE_DEFAULT,
  cleanContentType,
  cleanFilename,
  Fault,
  type FieldProblem,
  type Json,
} from "@millrace/core";
import { FILE_OPTIONS_BYTES_MAX } from "@millrace/core/limits";
import {
  FILE_OPERATION_NAMES,
  FILE_OPERATIONS,
  isFileOperationName,
} from "@millrace/protocol/file-operations/index";
import { parseJson } from "../http/json-body.ts";

/** What the metadata of an upload say: which file this is, and what is to be done with it. */
export interface UploadWish {
  readonly filename: string;
  readonly contentType: string;
  readonly operation: string;
  readonly options: Json;
}

/** Names and values as the library has decoded them; null for a name without a value. */
export type UploadMetadata = Readonly<Record<string, string | null>>;

/**
 * `filename` and `filetype`, or `name` and `type` as some clients call them; `operation`; `options` as JSON. Other names
 * are left alone: clients add their own.
 *
 * @throws Fault VALIDATION_FAILED, naming each field that is at fault
 */
export function readWish(metadata: UploadMetadata): UploadWish {
  const operation = metadata.operation ?? undefined;
  const problems: FieldProblem[] = [];
  const options = readOptions(metadata.options ?? undefined, problems);
  if (operation === undefined || !isFileOperationName(operation))
    problems.unshift({
      path: "/metadata/operation",
      message: `${operation === undefined ? "is missing" : "is not known"}; must be one of ${FILE_OPERATION_NAMES.join(", ")}`,
    });
  else if (problems.length === 0)
    for (const { path, message } of FILE_OPERATIONS[operation].check(options))
      problems.push({ path: `/metadata${path}`, message });
  if (operation === undefined || problems.length > 0)
    throw new Fault("VALIDATION_FAILED", "Upload-Metadata does not say what to do with the file", {
      errors: problems,
    });
  return {
    filename: cleanFilename(metadata.filename ?? metadata.name ?? ""),
    contentType: cleanContentType(metadata.filetype ?? metadata.type ?? undefined),
    operation,
    options: options ?? null,
  };
}

/** Undefined when there are none. */
function readOptions(text: string | undefined, problems: FieldProblem[]): Json | undefined {
  if (text === undefined || text === "") return undefined;
  const path = "/metadata/options";
  if (Buffer.byteLength(text) > FILE_OPTIONS_BYTES_MAX) {
    problems.push({ path, message: `may have ${FILE_OPTIONS_BYTES_MAX} bytes at most` });
    return undefined;
  }
  try {
    return parseJson(Buffer.from(text)) as Json; // From JSON.parse.
  } catch (error) {
    problems.push({ path, message: `is not JSON: ${error instanceof Error ? error.message : "unreadable"}` });
    return undefined;
  }
}

/** What HEAD gives back: the metadata as they were understood. */
export function metadataOf(
  file: Omit<UploadWish, "operation"> & { readonly operation: string | null },
): Record<string, string> {
  const { filename, contentType, operation, options } = file;
  return {
    filename,
    ...(contentType !== CONTENT_TYPE_DEFAULT && { filetype: contentType }),
    ...(operation !== null && { operation }),
    ...(options !== null && { options: JSON.stringify(options) }),
  };
}
