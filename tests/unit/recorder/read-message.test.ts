import { describe, expect, test } from "bun:test";
import { type BatchRequest, encodeBatchHeader } from "@millrace/protocol/events/index";
import { readMessage } from "@millrace/recorder/read-message";

const AT = Date.UTC(2026, 0, 15, 12);
const request: BatchRequest = { first: 0, count: 1, owner: 1, at: AT, cid: "c", source: null, rejected: 0 };
const line = '{"type":"t","message":"m"}';

function read(body: string | Uint8Array, requests: readonly BatchRequest[] = [request], events = 1) {
  const header = encodeBatchHeader({ instance: "api-1", ordinal: 3, voided: [2], events, requests });
  return readMessage({ seq: 9, storedMs: AT, header, body: Buffer.from(body) });
}

describe("a message", () => {
  test("counts every line once, as stored or rejected", () => {
    const batch = read(`${line}\nbad\n${line}`, [{ ...request, count: 3 }], 3);
    expect(batch).toMatchObject({ seq: 9, instance: "api-1", ordinal: 3, events: 3, stored: 2 });
    expect(batch.voided).toEqual([{ ordinal: 2, events: null }]);
    expect(batch.rejected.map((one) => [one.line, Buffer.from(one.record).toString()])).toEqual([[1, "bad"]]);
    expect(batch.rollups).toEqual([
      { minuteMs: AT, type: "t", source: "unknown", level: "info", ownerId: 1, events: 2 },
    ]);
  });

  test("that says another number of events than it has lines keeps what it says: the ledger shows the difference", () => {
    const batch = read(line, [request], 5);
    expect(batch.events - batch.stored - batch.rejected.length).toBe(4);
  });

  test("a line feed at the end begins no line, an empty line in the middle is rejected", () => {
    expect(read(`${line}\n`)).toMatchObject({ stored: 1, rejected: [] });
    expect(read(`${line}\n\n${line}`, [{ ...request, count: 3 }], 3).rejected).toHaveLength(1);
    expect(read("", [{ ...request, count: 0 }], 0)).toMatchObject({
      stored: 0,
      rejected: [],
      rows: new Uint8Array(),
    });
  });

  test("lines that no request claims belong to nobody", () => {
    const batch = read(`${line}\n${line}`, [request], 2);
    expect(batch.rollups.map(({ ownerId, events }) => [ownerId, events])).toEqual([
      [1, 1],
      [0, 1],
    ]);
  });

  test.each([undefined, "", "not json", '{"v":99}', "{}"])(
    "with the header %p is somebody else's",
    (header) => {
      const batch = readMessage({ seq: 9, storedMs: AT, header, body: Buffer.from(line) });
      expect(batch).toMatchObject({
        instance: "",
        ordinal: 9,
        events: 1,
        stored: 1,
        receivedMs: AT,
        refused: 0,
      });
    },
  );

  test("broken UTF-8 is rejected or mended, and its bytes are kept as they came", () => {
    const bytes = Uint8Array.from([0x7b, 0xff, 0x7d]);
    const [rejected] = read(bytes).rejected;
    expect(rejected?.record).toEqual(Buffer.from(bytes));
  });

  test("JSON that is nested 10 000 deep stops nobody", () => {
    const deep = `{"type":"t","message":"m","attributes":{"a":${"[".repeat(10_000)}${"]".repeat(10_000)}}}`;
    const batch = read(`${deep}\n${line}`, [{ ...request, count: 2 }], 2);
    expect(batch.stored + batch.rejected.length).toBe(2);
  });

  test("a field called __proto__ is a field", () => {
    const { rows } = read('{"type":"t","message":"m","__proto__":{"a":1}}');
    expect(Buffer.from(rows).toString()).toContain('{"__proto__":{"a":1}}');
  });
});
