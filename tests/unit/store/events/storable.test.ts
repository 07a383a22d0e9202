import { afterAll, beforeAll, expect, test } from "bun:test";
import { openPool, type Sql, storable, storableJson } from "@millrace/store";
import fc from "fast-check";
import { recordLines } from "../../../support/events.ts";
import { type FreshDatabase, freshDatabase } from "../../../support/servers.ts";

let database: FreshDatabase;
let sql: Sql;
beforeAll(async () => {
  database = await freshDatabase({ migrated: true });
  sql = openPool({ url: database.url, max: 2, applicationName: "test" });
});
afterAll(async () => {
  await sql.end({ timeout: 1 });
  await database.drop();
});

/** Whatever a text may hold: control characters, backslashes, half surrogate pairs, all of Unicode. */
const anyText = fc.string({ unit: "binary", maxLength: 40 });
const roughText = fc.string({
  unit: fc.constantFrom("\\", "\t", "\n", "\r", "N", ".", "\0", "\ud800", "u", "0", "é", "\b"),
});
const text = fc.oneof(anyText, roughText);

test("any text and any JSON comes out of COPY as it went in, but for what PostgreSQL cannot hold", async () => {
  let seq = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ message: text, source: text, attributes: fc.dictionary(text, fc.jsonValue()) }), {
        minLength: 1,
        maxLength: 50,
      }),
      async (events) => {
        seq += 1;
        const lines = events.map((event) => ({ type: "any", ...event, source: event.source.slice(0, 100) }));
        await recordLines(sql, { seq, owner: 1, at: Date.now(), lines });
        const rows =
          await sql`select message, source, attributes from events where seq = ${seq} order by line`;
        const expected = lines.map(({ message, source, attributes }) => ({
          message: storable(message),
          source: storable(source),
          attributes: JSON.parse(storableJson(JSON.stringify(attributes))),
        }));
        expect(rows.map(({ message, source }) => ({ message, source }))).toEqual(
          expected.map(({ message, source }) => ({ message, source })),
        );
        for (const [index, row] of rows.entries())
          expect(sorted(row.attributes)).toBe(sorted(expected[index]?.attributes));
      },
    ),
    { numRuns: 40 },
  );
});

/** jsonb keeps keys in an order of its own, and zero without a sign. */
function sorted(value: unknown): string {
  return JSON.stringify(value, (_, each) =>
    typeof each === "object" && each !== null && !Array.isArray(each)
      ? Object.fromEntries(Object.entries(each).sort(([one], [other]) => (one < other ? -1 : 1)))
      : each,
  );
}

test.each([
  [String.raw`{"a":"\u0000"}`, '{"a":"\ufffd"}'],
  [String.raw`{"a":"\\u0000"}`, String.raw`{"a":"\\u0000"}`],
  [String.raw`{"a":"\\\ud83d"}`, '{"a":"\\\\\ufffd"}'],
  [String.raw`{"a":"\u0000\u0000\udfff"}`, '{"a":"\ufffd\ufffd\ufffd"}'],
  [String.raw`{"a":"\u001f"}`, String.raw`{"a":"\u001f"}`],
])("%s is stored as %s", (json, stored) => {
  expect(storableJson(json)).toBe(stored);
});
