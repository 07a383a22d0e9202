import type { Json } from "@millrace/core";
import { JobFailure } from "@millrace/pool/thread";
import {
  FILE_OPERATIONS,
  type FileOperationName,
  type FileOptions,
  parseOptions,
} from "@millrace/protocol/file-operations/index";

export type Piece = Uint8Array<ArrayBuffer>;

/** The file, as an operation sees it. */
export interface OperationInput {
  readonly bytes: number;
  /** The content from its start, once, in pieces that belong to the reader: it may change them. Reading is progress. */
  pieces(): AsyncIterable<Piece>;
  /** For libraries that must seek in it. */
  readonly path: string;
  /** Around native work that cannot be stopped; see `JobContext`. */
  native<Value>(work: () => Promise<Value>): Promise<Value>;
  /** How long this attempt may run at all; for such native work. */
  readonly timeoutMs: number;
}

export interface OperationOutput {
  readonly contentType: string;
  /** Of the result's file name, without the dot; null: that of the input. */
  readonly extension: string | null;
  readonly body: AsyncIterable<Uint8Array> | Uint8Array;
}

export interface OperationRun {
  readonly output: OperationOutput;
  /** Goes into the task's result. Called when the output was read to its end. */
  summary(): Json;
}

export interface Operation {
  readonly operation: FileOperationName;
  /** Memory stays below 64 MB whatever the size. Throws a JobFailure for what is wrong with the file. */
  run(input: OperationInput, options: Json): Promise<OperationRun>;
}

/** An operation whose options are checked before it sees them. */
export function defineOperation<Name extends FileOperationName>(
  operation: Name,
  run: (input: OperationInput, options: FileOptions<Name>) => Promise<OperationRun>,
): Operation {
  const rules: (typeof FILE_OPERATIONS)[Name]["options"] = FILE_OPERATIONS[operation].options;
  return {
    operation,
    async run(input, options) {
      const parsed = parseOptions(rules, options);
      if (parsed === null) {
        const problems = FILE_OPERATIONS[operation].check(options);
        const text = problems.map(({ path, message }) => `${path} ${message}`).join("; ");
        throw new JobFailure("PAYLOAD_INVALID", text, false);
      }
      return await run(input, parsed);
    },
  };
}

/** The file is not what the operation is for: what, and where. Another attempt would find the same. */
export function inputInvalid(message: string): JobFailure {
  return new JobFailure("INPUT_INVALID", message, false);
}

/** A report as result file and, in full or in short, as summary. */
export function jsonRun(report: Json, summary: Json = report): OperationRun {
  const body = new TextEncoder().encode(`${JSON.stringify(report, null, 2)}\n`);
  return {
    output: { contentType: "application/json", extension: "json", body },
    summary: () => summary,
  };
}
