import { expect, test } from "bun:test";
import {
  type BatchHeader,
  decodeBatchHeader,
  encodeBatchHeader,
} from "@millrace/protocol/events/batch-header";
import fc from "fast-check";

const header: BatchHeader = {
  instance: "a1b2",
  ordinal: 7,
  before: 40,
  voided: [5, 6],
  events: 3,
  requests: [
    { first: 0, count: 1, owner: 4, at: 1_780_000_000_000, cid: "c-1", source: "shop", rejected: 0 },
    { first: 1, count: 2, owner: 5, at: 1_780_000_000_001, cid: "c-2", source: null, rejected: 9 },
  ],
};

test("what is written is read again, whatever the source is called", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 128 }), (source) => {
      const named = { ...header, requests: header.requests.map((request) => ({ ...request, source })) };
      const text = encodeBatchHeader(named);
      expect(text).toMatch(/^[\x20-\x7e]*$/);
      expect(decodeBatchHeader(text)).toEqual(named);
    }),
  );
});

test("a request with an Idempotency-Key keeps its digest and its part", () => {
  const request = { first: 0, count: 3, owner: 4, at: 1, cid: "c", source: null, rejected: 0 };
  const repeatable = { ...header, requests: [{ ...request, ik: "00ff00ff00ff00ff", part: 2 }] };
  expect(decodeBatchHeader(encodeBatchHeader(repeatable))).toEqual(repeatable);
});

const encoded = (change: Record<string, unknown>) => JSON.stringify({ v: 1, ...header, ...change });
test.each([
  ["no JSON", "{"],
  ["a list", "[]"],
  ["null", "null"],
  ["another version", encoded({ v: 2 })],
  ["an ordinal below zero", encoded({ ordinal: -1 })],
  ["a sum that is none", encoded({ before: "4" })],
  ["half an event", encoded({ events: 1.5 })],
  ["voided that is no list", encoded({ voided: 3 })],
  ["requests that are no objects", encoded({ requests: [3] })],
  ["a request without an owner", encoded({ requests: [{ ...header.requests[0], owner: undefined }] })],
  ["a digest without a part", encoded({ requests: [{ ...header.requests[0], ik: "00" }] })],
  ["a part without a digest", encoded({ requests: [{ ...header.requests[0], part: 0 }] })],
])("%s is not taken for a header", (_, text) => {
  expect(decodeBatchHeader(text)).toBeUndefined();
});
