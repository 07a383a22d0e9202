import { expect, test } from "bun:test";
import { EVENT_PARTS_MAX } from "@millrace/core/limits";
import { decodeReceipt, encodeReceipt } from "@millrace/protocol/events/receipt";
import fc from "fast-check";

const placement = fc.record({
  seq: fc.integer({ min: 1, max: 2 ** 48 }),
  first: fc.nat(100_000),
  count: fc.nat(100_000),
});

test("a receipt tells again where the parts are", () => {
  fc.assert(
    fc.property(fc.array(placement, { minLength: 1, maxLength: EVENT_PARTS_MAX }), (placements) => {
      expect(decodeReceipt(encodeReceipt(placements))).toEqual(placements);
    }),
  );
});

const tooMany = Array.from({ length: EVENT_PARTS_MAX + 1 }, () => "1.0.1").join("-");
test.each([
  "",
  "-",
  "1",
  "1.2",
  "1.2.3.4",
  "1.2.",
  "A.0.1",
  "1.0.1-",
  "-1.0.1",
  "0.0.1",
  "1.0.é",
  "zzzzzzzzzzz.0.1",
  tooMany,
])("%p is no receipt", (text) => {
  expect(decodeReceipt(text)).toBeUndefined();
});
