import { describe, expect, test } from "bun:test";
import { fromByteText, PlainLines, toByteText } from "@millrace/protocol/events/index";
import { readMessage } from "@millrace/recorder/read-message";
import { readRow, splitRows } from "@millrace/store/events/event-rows";
import fc from "fast-check";

const AT = Date.UTC(2026, 0, 15, 12);
const USUAL =
  '{"timestamp":"2026-01-15T11:59:58.123Z","type":"http.request","level":"warn","source":"shop","message":"GET /a 200","attributes":{"status":200,"user":"u-1"}}';

/** Whether it is read without a parser. */
function isPlain(line: string): boolean {
  const text = toByteText(line);
  return new PlainLines(text).read(0, text.length);
}

function fieldsOf(body: string) {
  const { rows, rejected } = readMessage({
    ...{ seq: 1, storedMs: AT, header: undefined },
    body: Buffer.from(body),
  });
  const fields = splitRows(rows).map(readRow);
  return {
    events: fields.map((row) =>
      row.map((field, n) => (n === 10 && field !== null ? JSON.parse(field) : field)),
    ),
    rejected: rejected.map(({ line, reason }) => ({ line, reason })),
  };
}

const text = fc.oneof(
  fc.string({ maxLength: 12 }),
  fc.string({ unit: "binary", maxLength: 6 }),
  fc.string({ unit: fc.constantFrom('"', "\\", "é", "{", "}", ",", ":", "\n", "a"), maxLength: 6 }),
);
const usualText = fc.string({
  unit: fc.constantFrom("a", "é", "漢", "😀", "{", "}", ",", ":", "["),
  maxLength: 9,
});
const scalar = fc.oneof(usualText, fc.integer(), fc.double({ noNaN: true }), fc.boolean(), fc.constant(null));
const attributes = fc.dictionary(
  usualText,
  fc.oneof(scalar, fc.array(scalar), fc.dictionary(usualText, scalar)),
);
const event = fc.record(
  {
    type: fc.oneof(fc.constant("t"), text, fc.constant("x".repeat(300))),
    message: fc.oneof(usualText, text),
    timestamp: fc.oneof(
      fc.date({ noInvalidDate: true }).map((date) => date.toJSON()),
      fc.constantFrom("2026-01-15T11:00:00Z", "2026-01-15T11:00:00.5Z", "2026-02-30T11:00:00Z", "soon"),
    ),
    level: fc.oneof(usualText, text),
    source: fc.oneof(usualText, text),
    id: fc.oneof(usualText, text),
    attributes: fc.oneof(attributes, fc.jsonValue()),
    stray: usualText,
  },
  { requiredKeys: [] },
);

describe("a line in the usual form", () => {
  test("is read without a parser, and one with an escape, a blank or a stray field is not", () => {
    expect(isPlain(USUAL)).toBe(true);
    expect(isPlain(USUAL.replace("GET", "J'ai vu la forêt 漢字 😀"))).toBe(true);
    expect(isPlain('{"attributes":{},"type":"t","message":""}')).toBe(true);
    expect(isPlain('{"type":"t","message":"m","attributes":{"a":-1.5,"b":null,"c":true,"d":""}}')).toBe(true);
    for (const [what, other] of [
      ["GET", '\\"GET'],
      ["GET", "\t"],
      [',"type"', ', "type"'],
      ['"type"', '"stray"'],
      ['"warn"', "null"],
      ["200,", "2e2,"],
      ["200,", "02,"],
      ['"u-1"', '{"a":1}'],
      ['"u-1"', "[1]"],
      ['"u-1"', "1 "],
      ['"u-1"', "nul"],
      ["}}", "}"],
      ["}}", "}}}"],
      ["}}", ",}}"],
      ["}}", '},"x"}'],
    ] as const)
      expect([other, isPlain(USUAL.replace(what, other))]).toEqual([other, false]);
  });

  test("says the same as a parser does, whatever the event", () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 8 }), (events) => {
        const lines = events.map((each) => JSON.stringify(each));
        // A blank makes it a line for the parser.
        const parsed = fieldsOf(lines.map((line) => line.replace("{", "{ ")).join("\n"));
        expect(fieldsOf(lines.join("\n"))).toEqual(parsed);
      }),
      { numRuns: 500 },
    );
  });

  test("is JSON, and its fields are what JSON says: with any character lost, doubled or changed", () => {
    const damage = fc.record({
      at: fc.nat(USUAL.length - 1),
      cut: fc.integer({ min: 0, max: 3 }),
      insert: fc.string({ unit: fc.constantFrom(...'{}[]",:\\0e.-a\u0001é'), maxLength: 3 }),
    });
    fc.assert(
      fc.property(fc.array(damage, { minLength: 1, maxLength: 2 }), (damages) => {
        let line = USUAL;
        for (const { at, cut, insert } of damages) line = line.slice(0, at) + insert + line.slice(at + cut);
        const bytes = toByteText(line);
        const plain = new PlainLines(bytes);
        if (!plain.read(0, bytes.length)) return;
        const parsed = JSON.parse(line);
        for (const name of ["timestamp", "type", "level", "source", "message", "id"] as const)
          expect(plain[name] === null ? undefined : fromByteText(plain[name] ?? "")).toBe(parsed[name]);
        const found = plain.attributes;
        expect(found === null ? undefined : JSON.parse(fromByteText(found))).toEqual(parsed.attributes);
      }),
      { numRuns: 20_000 },
    );
  });

  test("ends where its line ends: nothing of the next one is taken for its own", () => {
    for (const cut of Array.from(USUAL, (_, at) => at)) {
      const { events, rejected } = fieldsOf(`${USUAL.slice(0, cut)}\n${USUAL}`);
      expect(events).toHaveLength(1);
      expect(rejected).toEqual([{ line: 0, reason: "BAD_JSON" }]);
    }
  });

  test("among others keeps its place", () => {
    const odd = '{"type":"t","message":"\\"quoted\\""}';
    const { events } = fieldsOf([USUAL, odd, USUAL, odd, odd, USUAL].join("\n"));
    expect(events.map((row) => row[5])).toEqual(["0", "1", "2", "3", "4", "5"]);
    const [usual, quoted] = ["GET /a 200", '"quoted"'];
    expect(events.map((row) => row[9])).toEqual([usual, quoted, usual, quoted, quoted, usual]);
  });
});
