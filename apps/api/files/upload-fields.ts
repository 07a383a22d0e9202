import { Fault, type FieldProblem, type Json } from "@millrace/core";
import { FILE_OPTIONS_BYTES_MAX } from "@millrace/core/limits";
import {
  FILE_OPERATION_NAMES,
  FILE_OPERATIONS,
  isFileOperationName,
} from "@millrace/protocol/file-operations/index";
import { parseJson } from "../http/json-body.ts";

/** The fields of an upload beside the file, in whatever order they come. */
export class UploadFields {
  #operation: string | undefined;
  #options: Json | undefined;

  get operation(): string | null {
    return this.#operation ?? null;
  }

  get options(): Json {
    return this.#options ?? null;
  }

  /** Takes one field. Throws VALIDATION_FAILED, naming it. */
  take(name: string, value: string): void {
    if (name === "operation") {
      if (this.#operation !== undefined) throw invalid([{ path: "/operation", message: "comes twice" }]);
      this.#operation = value.trim();
      // What is known to be wrong is said at once: the file need not arrive for that.
      if (!isFileOperationName(this.#operation)) throw invalid([UNKNOWN_OPERATION]);
    } else if (name === "options") {
      if (this.#options !== undefined) throw invalid([{ path: "/options", message: "comes twice" }]);
      this.#options = readOptions(value);
    } else if (name === "file") {
      throw invalid([{ path: "/file", message: "must be a file: its part needs a filename" }]);
    } else {
      const path = `/${name.slice(0, 64).replaceAll("~", "~0").replaceAll("/", "~1")}`;
      throw invalid([{ path, message: "is not a field of an upload (known: file, operation, options)" }]);
    }
    if (this.#operation !== undefined && this.#options !== undefined) this.check();
  }

  /** Throws VALIDATION_FAILED when the operation is missing, or the options do not fit it. */
  check(): void {
    if (this.#operation === undefined) throw invalid([{ path: "/operation", message: "is missing" }]);
    requireOperation(this.#operation, this.#options);
  }
}

/** Throws VALIDATION_FAILED. For all ways of uploading. */
export function requireOperation(operation: string, options: Json | undefined): void {
  if (!isFileOperationName(operation)) throw invalid([UNKNOWN_OPERATION]);
  const problems = FILE_OPERATIONS[operation].check(options ?? undefined);
  if (problems.length > 0) throw invalid(problems);
}

const UNKNOWN_OPERATION: FieldProblem = {
  path: "/operation",
  message: `must be one of ${FILE_OPERATION_NAMES.join(", ")}`,
};

/** JSON text, as of a form's field or of metadata. An empty one means none. Throws VALIDATION_FAILED. */
export function readOptions(text: string): Json {
  if (text.trim() === "") return null;
  const bytes = Buffer.from(text);
  if (bytes.byteLength > FILE_OPTIONS_BYTES_MAX)
    throw invalid([{ path: "/options", message: `must have at most ${FILE_OPTIONS_BYTES_MAX} bytes` }]);
  try {
    return parseJson(bytes) as Json; // It came out of JSON.parse.
  } catch (error) {
    const reason = error instanceof Fault ? error.message : "cannot be read";
    throw invalid([{ path: "/options", message: `must be JSON: ${reason}` }]);
  }
}

export function invalid(errors: readonly FieldProblem[]): Fault {
  const [first] = errors;
  return new Fault("VALIDATION_FAILED", `in the form: ${first?.path ?? ""} ${first?.message ?? ""}`, {
    errors,
  });
}
