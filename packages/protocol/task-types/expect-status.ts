import type { Json } from "@millrace/core";
import { HTTP_EXPECT_STATUS_MAX } from "@millrace/core/limits";
import { type JsonObject, type Problems, pointer } from "./fields.ts";

/** Both ends belong to the range. */
export interface StatusRange {
  readonly from: number;
  readonly to: number;
}

/** 2xx, when the task does not say. */
export const SUCCESS: readonly StatusRange[] = [{ from: 200, to: 299 }];

const STATUS_MIN = 200; // 1xx is never the last word of a response.
const STATUS_MAX = 599;
const RANGE = /^(\d{3})-(\d{3})$/;

export function isExpectedStatus(status: number, ranges: readonly StatusRange[]): boolean {
  return ranges.some((range) => range.from <= status && status <= range.to);
}

/** `expect_status`: a list of statuses (204) and ranges ("200-299"). It replaces 2xx, it does not add to it. */
export function readExpectStatus(payload: JsonObject, problems: Problems): readonly StatusRange[] {
  const given = payload.expect_status ?? undefined;
  if (given === undefined) return SUCCESS;
  if (!Array.isArray(given) || given.length === 0 || given.length > HTTP_EXPECT_STATUS_MAX) {
    problems.add(pointer("expect_status"), `must be a list of 1 to ${HTTP_EXPECT_STATUS_MAX} entries`);
    return SUCCESS;
  }
  return given.flatMap((entry: Json, index) => {
    const range = toRange(entry);
    if (range !== undefined) return [range];
    const rule = `must be a status from ${STATUS_MIN} to ${STATUS_MAX} or a range such as "200-299"`;
    problems.add(pointer("expect_status", index), rule);
    return [];
  });
}

function toRange(entry: Json): StatusRange | undefined {
  const range = typeof entry === "number" ? { from: entry, to: entry } : fromText(entry);
  const isFine =
    range !== undefined &&
    Number.isInteger(range.from) &&
    range.from >= STATUS_MIN &&
    range.to <= STATUS_MAX &&
    range.from <= range.to;
  return isFine ? range : undefined;
}

function fromText(entry: Json): StatusRange | undefined {
  const match = typeof entry === "string" ? RANGE.exec(entry) : null;
  return match === null ? undefined : { from: Number(match[1]), to: Number(match[2]) };
}
