import { readSync, writeSync } from "node:fs";
import { diskFaultOf } from "@millrace/blobs/local/disk-fault";
import { Fault, type Json } from "@millrace/core";
import { FILE_PIECE_BYTES } from "@millrace/core/limits";
import { type JobContext, JobFailure, threadMain } from "@millrace/pool/thread";
import { isFileOperationName } from "@millrace/protocol/file-operations/index";
import type { Operation, OperationInput, OperationOutput, Piece } from "./operation.ts";

/** One file for one thread. The files were opened by the main thread, which closes them: a killed thread closes nothing. */
export interface FileJob {
  readonly operation: string;
  readonly options: Json;
  readonly inputPath: string;
  readonly inputFd: number;
  readonly inputBytes: number;
  readonly outputFd: number;
  readonly timeoutMs: number;
}

/** The result is in the output file. */
export interface FileResult {
  readonly contentType: string;
  /** Without the dot; null: that of the input. */
  readonly extension: string | null;
  readonly bytes: number;
  readonly summary: Json;
}

export async function runFile(job: FileJob, context: JobContext): Promise<FileResult> {
  const operation = await findOperation(job.operation);
  const input: OperationInput = {
    bytes: job.inputBytes,
    path: job.inputPath,
    timeoutMs: job.timeoutMs,
    pieces: () => readPieces(job, context),
    native: (work) => context.native(work),
  };
  const { output, summary } = await operation.run(input, job.options);
  const bytes = await writeBody(job.outputFd, output.body);
  return { contentType: output.contentType, extension: output.extension, bytes, summary: summary() };
}

/** Loaded by the first file that needs it: a thread that never sees an image never loads the library for them. */
async function findOperation(name: string): Promise<Operation> {
  if (!isFileOperationName(name))
    throw new JobFailure("PAYLOAD_INVALID", `there is no operation ${JSON.stringify(name)}`, false);
  const module: { default: Operation } = await import(`./operations/${name}.ts`);
  return module.default;
}

/** Reads without leaving the thread: it has nothing else to do, and an event loop's turn costs more than a read. */
async function* readPieces({ inputFd, inputBytes }: FileJob, context: JobContext): AsyncGenerator<Piece> {
  let offset = 0;
  while (offset < inputBytes) {
    const piece = new Uint8Array(Math.min(FILE_PIECE_BYTES, inputBytes - offset));
    const read = readSync(inputFd, piece, 0, piece.length, offset);
    if (read === 0) throw new Error(`the file is shorter than its ${inputBytes} bytes`);
    offset += read;
    yield piece.subarray(0, read);
    context.report(offset / inputBytes);
  }
}

async function writeBody(fd: number, body: OperationOutput["body"]): Promise<number> {
  if (body instanceof Uint8Array) return writeAll(fd, body, 0);
  let offset = 0;
  for await (const piece of body) offset += writeAll(fd, piece, offset);
  return offset;
}

function writeAll(fd: number, bytes: Uint8Array, offset: number): number {
  try {
    for (let done = 0; done < bytes.length; )
      done += writeSync(fd, bytes, done, bytes.length - done, offset + done);
    return bytes.length;
  } catch (error) {
    const fault = diskFaultOf(error);
    if (!(fault instanceof Fault)) throw error;
    throw new JobFailure(fault.code, fault.message, true);
  }
}

export default threadMain(runFile);
