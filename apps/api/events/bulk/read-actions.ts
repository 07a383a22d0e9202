import { isUtf8 } from "node:buffer";
import { Fault } from "@millrace/core";
import { EVENTS_RECORDS_MAX } from "@millrace/core/limits";

export type BulkVerb = "create" | "index" | "update" | "delete";

/** One operation of a bulk request. */
export interface BulkAction {
  readonly verb: BulkVerb;
  readonly index: string | null;
  readonly id: string | null;
  /** The document's line; null where the operation has none. */
  readonly document: Uint8Array | null;
}

const VERBS = new Set<string>(["create", "index", "update", "delete"] satisfies BulkVerb[]);
const NEWLINE = 0x0a;
const NAME_CHARS_MAX = 512;

/**
 * A line that says what to do, and in most cases a line with the document. One that cannot be read leaves it open where
 * the next operation begins: like Elasticsearch, the whole request is refused, and nothing of it is taken.
 *
 * @param index of the path, for operations that name none
 * @throws Fault BAD_JSON, BODY_TOO_LARGE
 */
export function readActions(body: Uint8Array, index: string | null): readonly BulkAction[] {
  const actions: BulkAction[] = [];
  const lines = linesOf(body);
  for (const line of lines) {
    if (isBlank(line)) continue;
    if (actions.length >= EVENTS_RECORDS_MAX)
      throw new Fault("BODY_TOO_LARGE", `a request may have ${EVENTS_RECORDS_MAX} operations at most`);
    const { verb, target } = readVerb(line, actions.length);
    const document = verb === "delete" ? null : nextLine(lines, actions.length);
    actions.push({ verb, index: nameIn(target, "_index") ?? index, id: nameIn(target, "_id"), document });
  }
  return actions;
}

function* linesOf(body: Uint8Array): Generator<Uint8Array, void> {
  for (let start = 0; start < body.length; ) {
    const newline = body.indexOf(NEWLINE, start);
    const end = newline === -1 ? body.length : newline;
    yield body.subarray(start, end);
    start = end + 1;
  }
}

function nextLine(lines: Generator<Uint8Array, void>, operation: number): Uint8Array {
  const { value } = lines.next();
  if (value === undefined) throw new Fault("BAD_JSON", `operation ${operation} has no document`);
  return value;
}

function isBlank(line: Uint8Array): boolean {
  return line.every((byte) => byte === 0x20 || byte === 0x0d || byte === 0x09);
}

function readVerb(line: Uint8Array, operation: number): { verb: BulkVerb; target: unknown } {
  const action = parse(line);
  const entries = typeof action === "object" && action !== null ? Object.entries(action) : [];
  const [[verb, target] = ["", null]] = entries;
  if (entries.length !== 1 || !isVerb(verb))
    throw new Fault("BAD_JSON", `operation ${operation} does not say create, index, update or delete`);
  return { verb, target };
}

function isVerb(text: string): text is BulkVerb {
  return VERBS.has(text);
}

function parse(line: Uint8Array): unknown {
  if (!isUtf8(line)) return undefined;
  try {
    return JSON.parse(Buffer.from(line).toString());
  } catch {
    return undefined;
  }
}

function nameIn(target: unknown, field: "_index" | "_id"): string | null {
  if (typeof target !== "object" || target === null || !(field in target)) return null;
  const name: unknown = Reflect.get(target, field);
  return typeof name === "string" && name !== "" ? name.slice(0, NAME_CHARS_MAX) : null;
}
