import { expect, test } from "bun:test";
import { isSuspicious, mendEscapes } from "@millrace/api/events/mend-escapes";
import fc from "fast-check";

/** Escapes everything that can be: as an anxious serialiser writes it. */
function escaped(value: unknown, isUpper: boolean): string {
  return JSON.stringify(value).replace(/[^\x20-\x7e]/g, (char) => {
    const hex = char.charCodeAt(0).toString(16).padStart(4, "0");
    return `\\u${isUpper ? hex.toUpperCase() : hex}`;
  });
}

const repaired = (text: string) => text.toWellFormed().replaceAll("\0", "\ufffd");
const units = fc
  .array(fc.constantFrom("\0", "\ud83d", "\ude00", "\\", "u0000", '"', "\n", "é", "😀", "a", "\ufffd"), {
    maxLength: 12,
  })
  .map((parts) => parts.join(""));

test("what cannot be stored becomes U+FFFD in place, and everything else stays", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(units, units)), fc.boolean(), (pairs, isUpper) => {
      const line = escaped(pairs, isUpper);
      const bytes = Buffer.from(line);
      if (isSuspicious(line)) mendEscapes(bytes);
      expect(JSON.parse(bytes.toString())).toEqual(pairs.map((pair) => pair.map(repaired)));
    }),
    { numRuns: 2_000 },
  );
});

test("it works on a part of a larger buffer, beside bytes that are no ASCII", () => {
  const whole = Buffer.from('é{"a":"é\\u0000é"}é');
  mendEscapes(whole.subarray(2, whole.length - 2));
  expect(whole.toString()).toBe('é{"a":"é\\ufffdé"}é');
});
