import { isUtf8 } from "node:buffer";
import { EVENT_BYTES_MAX } from "@millrace/core/limits";
import type { Harvest } from "./harvest.ts";
import { judgeRecord } from "./judge-record.ts";
import { isSuspicious, mendEscapes } from "./mend-escapes.ts";
import type { TimeBounds } from "./time-bounds.ts";

const NEWLINE = 0x0a;
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Judges each line of a block of whole lines. The block is decoded at once, and a line cut out of the text: decoding
 * line by line costs a quarter more. While everything is ASCII, a place in the text is a place in the bytes.
 */
export function takeLines(block: Uint8Array, harvest: Harvest, times: TimeBounds): void {
  harvest.open(block);
  const text = decode(block);
  if (text === undefined) {
    takeLineByLine(block, harvest, times);
    return;
  }
  const isAscii = text.length === block.length;
  const hasEscapes = text.includes("\\u");
  let textStart = 0;
  for (let start = 0; start < block.length; ) {
    const textEnd = endOf(text.indexOf("\n", textStart), text.length);
    const end = isAscii ? textEnd : endOf(block.indexOf(NEWLINE, start), block.length);
    const line = text.slice(textStart, textEnd);
    if (!isBlank(line)) {
      const refusal = end - start > EVENT_BYTES_MAX ? TOO_LARGE : judgeRecord(line, times);
      if (refusal !== undefined) harvest.refuse(refusal);
      else {
        if (hasEscapes && isSuspicious(line)) mendEscapes(block.subarray(start, end));
        harvest.accept(start, end);
      }
    }
    textStart = textEnd + 1;
    start = end + 1;
  }
}

const TOO_LARGE = { code: "EVENT_TOO_LARGE", message: `a record may have ${EVENT_BYTES_MAX} bytes` } as const;
const NOT_UTF_8 = { code: "BAD_JSON", message: "the record is not valid UTF-8" } as const;

/** Somewhere in the block is no UTF-8: only the lines that it is in are refused. */
function takeLineByLine(block: Uint8Array, harvest: Harvest, times: TimeBounds): void {
  for (let start = 0; start < block.length; ) {
    const end = endOf(block.indexOf(NEWLINE, start), block.length);
    const line = block.subarray(start, end);
    if (isUtf8(line)) takeLines(line, harvest, times);
    else harvest.refuse(NOT_UTF_8);
    start = end + 1;
  }
}

function decode(block: Uint8Array): string | undefined {
  try {
    return utf8.decode(block);
  } catch {
    return undefined;
  }
}

function endOf(found: number, length: number): number {
  return found === -1 ? length : found;
}

function isBlank(line: string): boolean {
  return line.length === 0 || (line.charCodeAt(0) <= 0x20 && line.trim() === "");
}
