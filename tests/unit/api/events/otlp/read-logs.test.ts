import { expect, test } from "bun:test";
import { readJsonLogs, readProtobufLogs } from "@millrace/api/events/otlp/read-logs";
import { Fault } from "@millrace/core";
import fc from "fast-check";

test("whatever bytes come as protobuf, they are records, refusals or one Fault", () => {
  const header = fc.constantFrom(
    [],
    [0x0a, 0x20, 0x12, 0x1e, 0x12, 0x1c],
    [0x0a, 0x08, 0x12, 0x06, 0x12, 0x04],
  );
  fc.assert(
    fc.property(header, fc.uint8Array({ maxLength: 60 }), (start, bytes) => {
      try {
        for (const record of readProtobufLogs(Buffer.from([...start, ...bytes])))
          expect(() => JSON.stringify(record)).not.toThrow();
      } catch (error) {
        expect(error).toBeInstanceOf(Fault);
      }
    }),
    { numRuns: 5_000 },
  );
});

function few<T>(one: fc.Arbitrary<T>): fc.Arbitrary<T[]> {
  return fc.array(one, { maxLength: 2 });
}

test("whatever JSON comes, it is records, refusals or one Fault", () => {
  const any = fc.jsonValue({ maxDepth: 1 });
  const value = fc.dictionary(
    fc.constantFrom("stringValue", "intValue", "doubleValue", "arrayValue", "kvlistValue", "bytesValue"),
    any,
    { maxKeys: 2 },
  );
  const record = fc.record(
    {
      timeUnixNano: any,
      severityNumber: any,
      severityText: any,
      body: value,
      attributes: few(fc.record({ key: any, value })),
      traceId: any,
      eventName: any,
    },
    { requiredKeys: [] },
  );
  const scopeLogs = fc.record({ scope: any, logRecords: fc.oneof(any, few(record)) });
  const logs = fc.record({ resource: any, scopeLogs: fc.oneof(any, few(scopeLogs)) });
  const request = fc.oneof(any, fc.record({ resourceLogs: fc.oneof(any, few(logs)) }));
  fc.assert(
    fc.property(request, (sent) => {
      try {
        for (const each of readJsonLogs(Buffer.from(JSON.stringify(sent))))
          if (!("code" in each))
            expect([typeof each.type, typeof each.message]).toEqual(["string", "string"]);
      } catch (error) {
        expect(error).toBeInstanceOf(Fault);
      }
    }),
    { numRuns: 1_000 },
  );
});

test("numbers that JSON would round stay as text", () => {
  const [event] = readJsonLogs(
    Buffer.from(
      JSON.stringify({
        resourceLogs: [
          {
            scopeLogs: [
              {
                logRecords: [
                  {
                    attributes: [
                      { key: "big", value: { intValue: "9007199254740993" } },
                      { key: "small", value: { intValue: "42" } },
                      { key: "none", value: { doubleValue: "NaN" } },
                    ],
                  },
                ],
              },
            ],
          },
        ],
      }),
    ),
  );
  expect(event).toMatchObject({ attributes: { big: "9007199254740993", small: 42, none: "NaN" } });
});
