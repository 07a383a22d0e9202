import { describe, expect, test } from "bun:test";
import { REQUEST_BYTES_MAX, REQUEST_EVENTS_MAX } from "@millrace/client/bounds";
import { lineBytes, planRequests, writeLine } from "@millrace/client/event-lines";

describe("a line", () => {
  test("is the event as JSON, a Date in RFC 3339", () => {
    const event = { type: "t", message: "a\nb", timestamp: new Date(0) };
    expect(writeLine(event)).toBe('{"type":"t","message":"a\\nb","timestamp":"1970-01-01T00:00:00.000Z"}');
  });

  test("is refused where there is no JSON of it, whatever it throws", () => {
    const cyclic: Record<string, unknown> = {};
    cyclic.self = cyclic;
    const hostile = {
      toJSON() {
        throw "not even an error";
      },
    };
    for (const event of [cyclic, { n: 1n }, undefined, () => 1, hostile])
      expect(writeLine(event)).toMatchObject({ code: "BAD_JSON" });
  });

  test("has the length of its UTF-8, and a newline", () => {
    for (const text of ["", "abc", "ä€😀", "\u007f\u0080"])
      expect(lineBytes(text)).toBe(Buffer.byteLength(text) + 1);
  });
});

describe("requests", () => {
  test("hold their bounds, and together every line once, in order", () => {
    const lines = Array.from({ length: REQUEST_EVENTS_MAX * 2 + 1 }, (_, n) => `{"n":${n}}`);
    const { requests, refused } = planRequests(lines);
    expect(requests.map((request) => request.length)).toEqual([REQUEST_EVENTS_MAX, REQUEST_EVENTS_MAX, 1]);
    expect(requests.flat().map(({ text }) => text)).toEqual(lines);
    expect(refused).toEqual([]);
  });

  test("are cut where their bytes would pass the bound", () => {
    const third = "x".repeat(REQUEST_BYTES_MAX / 3);
    const { requests } = planRequests([third, third, third, "y"]);
    expect(requests.map((request) => request.map(({ index }) => index))).toEqual([
      [0, 1],
      [2, 3],
    ]);
    for (const request of requests)
      expect(request.reduce((sum, { bytes }) => sum + bytes, 0)).toBeLessThanOrEqual(REQUEST_BYTES_MAX);
  });

  test("leave out blank lines, which the API does not count, and keep the others' positions", () => {
    const { requests } = planRequests(["", "a", " \t", "b"]);
    expect(requests.flat().map(({ index, text }) => [index, text])).toEqual([
      [1, "a"],
      [3, "b"],
    ]);
  });

  test("take a line with newlines within for one event", () => {
    expect(planRequests(['{\r\n"type":"t"\n}']).requests[0]?.[0]?.text).toBe('{ "type":"t" }');
  });

  test("have no place for what is larger than a request", () => {
    const { requests, refused } = planRequests(["a", "x".repeat(REQUEST_BYTES_MAX), "b"]);
    expect(refused).toEqual([{ index: 1, code: "EVENT_TOO_LARGE", message: expect.any(String) }]);
    expect(requests.flat().map(({ index }) => index)).toEqual([0, 2]);
  });

  test("of no lines are none", () => {
    expect(planRequests([]).requests).toEqual([]);
    expect(planRequests(["", " "]).requests).toEqual([]);
  });
});
