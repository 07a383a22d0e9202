import { expect, test } from "bun:test";
import { decodeCursor, encodeCursor } from "@millrace/api/events-query/event-cursor";
import fc from "fast-check";

const place = fc.record({
  tsUs: fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
  seq: fc.integer({ min: -1, max: Number.MAX_SAFE_INTEGER }),
  line: fc.integer({ min: 0, max: 2 ** 31 - 1 }),
});
const direction = fc.constantFrom("older" as const, "newer" as const);

test("every place comes back out of its cursor", () => {
  fc.assert(
    fc.property(fc.record({ direction, place }), (cursor) => {
      expect(decodeCursor(encodeCursor(cursor))).toEqual(cursor);
    }),
  );
});

test("whatever else is sent as a cursor is refused as wrong input", () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      try {
        const { place: found } = decodeCursor(text);
        expect(Number.isSafeInteger(found.tsUs)).toBe(true);
      } catch (error) {
        expect(error).toMatchObject({ code: "VALIDATION_FAILED" });
      }
    }),
  );
  for (const text of ["", "o", "ozzzzzzzzzzz.zzzzzzzzzzz.1", "o1.1.zzzzzzz", "x1.1.1"])
    expect(() => decodeCursor(text)).toThrow("is not a cursor");
});
