import { describe, expect, test } from "bun:test";
import { type Wanted, wantedOf } from "@millrace/api/files/byte-ranges";

const ETAG = '"abc"';
const of = (headers: Record<string, string>, size = 10): Wanted => wantedOf(new Headers(headers), ETAG, size);
const part = (start: number, end: number): Wanted => ({ kind: "part", start, end });
const WHOLE: Wanted = { kind: "whole" };
const BEYOND: Wanted = { kind: "unsatisfiable" };

test.each<[range: string, wanted: Wanted]>([
  ["bytes=0-0", part(0, 0)],
  ["bytes=2-5", part(2, 5)],
  ["bytes=2-", part(2, 9)],
  ["bytes=2-99", part(2, 9)],
  ["bytes=-3", part(7, 9)],
  ["bytes=-99", part(0, 9)],
  ["Bytes=1-2", part(1, 2)],
  ["bytes=10-", BEYOND],
  ["bytes=10-12", BEYOND],
  ["bytes=-0", BEYOND],
  ["bytes=5-2", WHOLE],
  ["bytes=0-1,4-5", WHOLE],
  ["bytes=-", WHOLE],
  ["bytes=a-b", WHOLE],
  ["lines=1-2", WHOLE],
  ["bytes=99999999999999999999-", WHOLE],
])("of ten bytes, the range %j is %j", (range, wanted) => {
  expect(of({ range })).toEqual(wanted);
});

test.each(["bytes=0-", "bytes=-1", "bytes=0-0"])("of an empty file, no range can be had: %j", (range) => {
  expect(of({ range }, 0)).toEqual(BEYOND);
});

describe("a version", () => {
  test.each(['"abc"', 'W/"abc"', '"x", "abc"', "*"])("that the client has (%j) is not sent again", (tag) => {
    expect(of({ "if-none-match": tag })).toEqual({ kind: "not-modified" });
    expect(of({ "if-none-match": tag, range: "bytes=0-1" })).toEqual({ kind: "not-modified" });
  });

  test("that it does not have is sent", () => {
    expect(of({ "if-none-match": '"abd"' })).toEqual(WHOLE);
  });

  test.each(['"abd"', 'W/"abc"', "Thu, 15 Jan 2026 12:00:00 GMT"])(
    "other than the one it has a part of (%j) is sent as a whole",
    (tag) => {
      expect(of({ "if-range": tag, range: "bytes=0-1" })).toEqual(WHOLE);
    },
  );

  test("it has a part of is gone on with", () => {
    expect(of({ "if-range": ETAG, range: "bytes=4-" })).toEqual(part(4, 9));
  });
});
