import { Fault } from "@millrace/core";
import { BATCH_TASKS_MAX, BODY_BYTES_MAX } from "@millrace/core/limits";
import type { BatchItem } from "../use-cases/submit-batch.ts";
import { parseJson } from "./json-body.ts";
import { readBytes } from "./read-bytes.ts";

export interface BatchBody {
  readonly items: readonly BatchItem[];
  readonly bytes: number;
}

const NEWLINE = 0x0a;

/** A JSON array, or NDJSON: one value per line, where a broken line costs only itself. */
export async function readBatch({ request }: { readonly request: Request }): Promise<BatchBody> {
  const type = request.headers.get("content-type")?.split(";")[0]?.trim().toLowerCase() ?? "application/json";
  const isLines =
    type === "application/x-ndjson" || type === "application/ndjson" || type === "application/jsonl";
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
  for (let start = 0; start < bytes.length && items.length <= BATCH_TASKS_MAX; ) {
    const newline = bytes.indexOf(NEWLINE, start);
    const end = newline === -1 ? bytes.length : newline;
    const line = bytes.subarray(start, end);
    if (!isBlank(line)) items.push(readLine(line));
    start = end + 1;
  }
  return items;
}

function isBlank(line: Uint8Array): boolean {
  return line.every((byte) => byte === 0x20 || byte === 0x0d || byte === 0x09);
}

function readLine(line: Uint8Array): BatchItem {
  try {
    return { value: parseJson(line) };
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    return { problem: { code: error.code, detail: error.message, errors: error.errors } };
  }
}
