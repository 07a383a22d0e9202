import { expect, test } from "bun:test";
import { arrayToLines, isArray, valueToLine } from "@millrace/api/events/json-to-lines";
import { Fault } from "@millrace/core";
import fc from "fast-check";

function linesOf(text: string): readonly string[] {
  const bytes = Buffer.from(text);
  arrayToLines(bytes);
  return bytes
    .toString()
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
}

test("an array becomes a line for each element, however it is laid out", () => {
  const tricky = fc.constantFrom('",', "]", "[", "\\", '\\"', "{", "}", "\n", "a,b");
  const value = fc.array(fc.oneof(fc.jsonValue({ maxDepth: 3 }), fc.dictionary(tricky, fc.array(tricky))), {
    maxLength: 8,
  });
  fc.assert(
    fc.property(value, fc.constantFrom(0, 1, 2, "\t", "\r\n"), (list, indent) => {
      const text = ` \n${JSON.stringify(list, null, indent)}\n`;
      const expected = JSON.parse(text);
      expect(isArray(Buffer.from(text))).toBe(true);
      expect(linesOf(text).map((line) => JSON.parse(line))).toEqual(expected);
    }),
    { numRuns: 2_000 },
  );
});

test("for any text it either fails with BAD_JSON, or gives the elements that JSON.parse gives where that can read it", () => {
  const token = fc.constantFrom("[", "]", "{", "}", ",", ":", '"', "\\", "1", "a", " ", "\n", '"k":');
  fc.assert(
    fc.property(
      fc.array(token, { maxLength: 14 }).map((tokens) => `[${tokens.join("")}`),
      (text) => {
        let expected: unknown;
        try {
          expected = JSON.parse(text);
        } catch {
          expected = undefined;
        }
        try {
          const lines = linesOf(text);
          if (expected !== undefined)
            expect(lines.map((line) => JSON.parse(line))).toEqual(expected as unknown[]);
          // What JSON.parse refuses has an element that it refuses, too.
          else expect(() => lines.map((line) => JSON.parse(line))).toThrow();
        } catch (error) {
          if (!(error instanceof Fault)) throw error;
          expect(expected).toBeUndefined();
        }
      },
    ),
    { numRuns: 20_000 },
  );
});

test("a pretty value becomes one line, and a raw newline in a string makes it none", () => {
  const pretty = Buffer.from(JSON.stringify({ a: ["x\\\n", { b: '"' }] }, null, 2));
  valueToLine(pretty);
  expect(pretty.toString()).not.toContain("\n");
  expect(JSON.parse(pretty.toString())).toEqual({ a: ["x\\\n", { b: '"' }] });
  const raw = Buffer.from('{"a":"x\ny"}');
  valueToLine(raw);
  expect(() => JSON.parse(raw.toString())).toThrow();
});
