import { expect, test } from "bun:test";
import { fromByteText, toByteText } from "@millrace/protocol/events/index";
import fc from "fast-check";

test("bytes of a text, one character each, are the text again", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), (each) => {
      const bytes = toByteText(each.toWellFormed());
      expect(bytes.length).toBe(Buffer.byteLength(each));
      expect(fromByteText(bytes)).toBe(each.toWellFormed());
    }),
  );
});
