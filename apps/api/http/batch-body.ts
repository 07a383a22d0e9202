import { Fault } from "@millrace/core";
import { BATCH_TASKS_MAX, BODY_BYTES_MAX } from "@millrace/core/limits";
import type { BatchItem } from "../use-cases/submit-batch.ts";
import { parseJson, readMediaType } from "./json-body.ts";
import { readBytes } from "./read-bytes.ts";

export interface BatchBody {
  readonly items: readonly BatchItem[];
  readonly bytes: number;
}

const NEWLINE = 0x0a;
/** Space, tab, carriage return: what stands on a line that is empty. */
const BLANKS: ReadonlySet<number | undefined> = new Set([0x20, 0x09, 0x0d, NEWLINE]);
const LINE_TYPES: ReadonlySet<string> = new Set([
  "application/x-ndjson",
  "application/ndjson",
  "application/jsonl",
]);

/** A JSON array, or NDJSON: one value per line, where a broken line costs only itself. */
export async function readBatch({ request }: { readonly request: Request }): Promise<BatchBody> {
  const type = readMediaType(request.headers);
  const isLines = LINE_TYPES.has(type);
  if (!isLines && type !== "application/json")
    throw new Fault(
      "UNSUPPORTED_MEDIA_TYPE",
      "send a JSON array, or one task per line as application/x-ndjson",
    );
  const bytes = await readBytes(request, BODY_BYTES_MAX);
  const items = isLines ? readLines(bytes) : readArray(bytes);
  if (items.length === 0) throw countFault("a batch needs at least one task");
  if (items.length > BATCH_TASKS_MAX) throw countFault(`a batch may have ${BATCH_TASKS_MAX} tasks at most`);
  return { items, bytes: bytes.length };
}

function countFault(message: string): Fault {
  return new Fault("VALIDATION_FAILED", message, { errors: [{ path: "", message }] });
}

function readArray(bytes: Uint8Array): readonly BatchItem[] {
  const value = parseJson(bytes);
  if (!Array.isArray(value)) throw countFault("the body must be an array of tasks");
  return value.map((item: unknown) => ({ value: item }));
}

function readLines(bytes: Uint8Array): readonly BatchItem[] {
  const items: BatchItem[] = [];
  for (let start = skipBlanks(bytes, 0); start < bytes.length && items.length <= BATCH_TASKS_MAX; ) {
    const newline = bytes.indexOf(NEWLINE, start);
    const end = newline === -1 ? bytes.length : newline;
    items.push(readLine(bytes.subarray(start, end)));
    start = skipBlanks(bytes, end);
  }
  return items;
}

/** Byte by byte: a body of 16 MiB may be nothing but newlines, and taking each for a line took a second. */
function skipBlanks(bytes: Uint8Array, from: number): number {
  let at = from;
  while (at < bytes.length && BLANKS.has(bytes[at])) at += 1;
  return at;
}

function readLine(line: Uint8Array): BatchItem {
  try {
    return { value: parseJson(line) };
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    return { problem: { code: error.code, detail: error.message, errors: error.errors } };
  }
}
