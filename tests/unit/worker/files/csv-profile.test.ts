import { describe, expect, test } from "bun:test";
import type { Json } from "@millrace/core";
import { DistinctCount } from "@millrace/worker/files/csv/distinct-count";
import { valueType } from "@millrace/worker/files/csv/value-type";
import { type OperationCase, runOperation } from "../../../support/file-operation.ts";

async function profileOf(content: OperationCase["content"], options: Json = {}): Promise<Json> {
  return (await runOperation("csv-profile", { content, options })).summary;
}

test("each column has its type, empty and distinct values, bounds and mean", async () => {
  const content =
    "id,price,name,on,at,note\n1,2.5,b,2024-01-02,2024-01-02T10:00:00Z,\n2,3.5,a,2024-01-01,2024-01-01 09:00,\n3,,a,2023-12-31,,\n";
  expect(await profileOf(content)).toMatchObject({
    encoding: "utf-8",
    delimiter: ",",
    rows: 3,
    column_count: 6,
    columns: [
      {
        name: "id",
        type: "integer",
        nulls: 0,
        distinct: 3,
        is_distinct_exact: true,
        min: 1,
        max: 3,
        mean: 2,
      },
      { name: "price", type: "number", nulls: 1, distinct: 2, min: 2.5, max: 3.5, mean: 3 },
      { name: "name", type: "text", nulls: 0, distinct: 2, min: "a", max: "b", mean: null },
      { name: "on", type: "date", min: "2023-12-31", max: "2024-01-02" },
      { name: "at", type: "timestamp", nulls: 1, min: "2024-01-01 09:00" },
      { name: "note", type: "empty", nulls: 3, distinct: 0, min: null, max: null, mean: null },
    ],
  });
});

describe("real CSV", () => {
  test("quotes, delimiters, quotes in quotes and line breaks within fields", async () => {
    const content = 'a,b\r\n"x, y","said ""no"""\r\n"two\r\nlines",z\r\n';
    expect(await profileOf(content)).toMatchObject({
      rows: 2,
      columns: [
        { min: "two\r\nlines", max: "x, y" },
        { min: 'said "no"', max: "z" },
      ],
    });
  });

  test.each([
    [";", "a;b\n1,5;2,5\n2,5;3,5\n"],
    ["\t", "a\tb, c\n1\t2\n"],
    ["|", "a|b\n1|2"],
    [",", 'a,b\n"x;y;z",1\n"u;v;w",2\n'],
    [",", "single\n1\n2\n"],
  ])("the delimiter %p is found", async (delimiter, content) => {
    expect(await profileOf(content)).toMatchObject({ delimiter });
  });

  test("a delimiter that is told is believed", async () => {
    expect(await profileOf("a;b,c\n1;2,3\n", { delimiter: ";" })).toMatchObject({ column_count: 2 });
  });

  test("without header the columns are numbered, and all records count", async () => {
    expect(await profileOf("1,2\n3,4\n", { header: false })).toMatchObject({
      rows: 2,
      columns: [{ name: "column_1" }, { name: "column_2" }],
    });
  });

  test("no end of line at the end, empty lines and an empty file are all right", async () => {
    expect(await profileOf("a,b\n\n1,2\n\n3,4")).toMatchObject({ rows: 2 });
    expect(await profileOf("")).toMatchObject({ rows: 0, column_count: 0, columns: [] });
  });

  test("cut anywhere, the profile is the same", async () => {
    const content = 'ä,b\r\n"é ""x""\r\ny",1.5\r\n😀,2\r\n';
    const whole = await profileOf(content, { delimiter: "," });
    for (const length of [1, 2, 3, 7]) {
      const given = { content, options: { delimiter: "," }, pieceBytes: [length] };
      expect((await runOperation("csv-profile", given)).summary).toEqual(whole);
    }
  });
});

describe("encodings", () => {
  const TEXT = "naïve;größe\nñandú;1\n";
  const utf16 = (text: string, isBig: boolean): Uint8Array => {
    const bytes = Buffer.from(text, "utf16le");
    return isBig ? bytes.swap16() : bytes;
  };
  const wanted = { column_count: 2, columns: [{ name: "naïve", min: "ñandú" }, { name: "größe" }] };

  test.each<[string, string | Uint8Array, Json, string]>([
    ["UTF-8", TEXT, {}, "utf-8"],
    ["UTF-8 with its mark", `\ufeff${TEXT}`, {}, "utf-8"],
    ["UTF-16 LE by its mark", utf16(`\ufeff${TEXT}`, false), {}, "utf-16le"],
    ["UTF-16 BE by its mark", utf16(`\ufeff${TEXT}`, true), {}, "utf-16be"],
    ["UTF-16 LE by option", utf16(TEXT, false), { encoding: "utf-16le" }, "utf-16le"],
    ["latin1 by option", Buffer.from(TEXT, "latin1"), { encoding: "latin1" }, "latin1"],
  ])("%s", async (_, content, options, encoding) => {
    expect(await profileOf(content, options)).toMatchObject({ ...wanted, encoding });
  });

  test("characters that are cut in two are put together again in each of them", async () => {
    for (const [content, encoding] of [
      [utf16("a;b\n😀;1\n", false), "utf-16le"],
      [utf16("a;b\n😀;1\n", true), "utf-16be"],
    ] as const) {
      const given = { content, options: { encoding, delimiter: ";" }, pieceBytes: [1] };
      expect((await runOperation("csv-profile", given)).summary).toMatchObject({
        columns: [{ min: "😀" }, {}],
      });
    }
  });
});

describe("what is broken is refused, with its place", () => {
  test.each<[string, string | Uint8Array, string]>([
    ["an unclosed quote", 'a,b\n1,2\n"x,3\n', "opening quote at line 3"],
    ["a quote within a field", 'a,b\n1,2\nx"y,3\n', "line 3"],
    ["text after a closing quote", 'a,b\n"x"y,3\n', "line 2"],
    ["a record with too few fields", "a,b\n1,2\n3\n", "line 3"],
    ["a record with too many fields", "a,b\n1,2\n1,2,3\n", "line 3"],
    ["latin1 that is taken for UTF-8", Buffer.from("a,b\nñ,1\n", "latin1"), "byte 0xf1 at offset 4"],
    ["NUL", "a,b\n1,\0\n", "a NUL character 6 bytes into the text"],
    ["an image", new Uint8Array([0x89, 0x50, 0x4e, 0x47]), "byte 0x89 at offset 0"],
    ["half a UTF-16 character", new Uint8Array([0xff, 0xfe, 0x61]), "not utf-16le"],
    ["more columns than are profiled", `${",".repeat(1_000)}\n`, "line 1 has 1001 fields"],
    ["a record without end", `a,b\n"${"x".repeat(1_100_000)}",1\n`, "Max Record Size"],
  ])("%s", async (_, content, message) => {
    const running = profileOf(content);
    await expect(running).rejects.toMatchObject({ code: "INPUT_INVALID", isRetryable: false });
    await expect(running).rejects.toThrow(message);
  });

  test("unless records may be ragged: then what is missing is empty, and what is too much is not looked at", async () => {
    expect(await profileOf("a,b\n1\n1,2,3\n", { ragged: true, delimiter: "," })).toMatchObject({
      rows: 2,
      ragged_rows: 2,
      columns: [{ nulls: 0 }, { nulls: 1, max: 2 }],
    });
  });
});

test.each([
  ["", "empty"],
  ["  ", "empty"],
  ["0", "integer"],
  ["-12", "integer"],
  ["+7", "integer"],
  ["007", "text"],
  ["1234567890123456", "text"],
  ["1.50", "number"],
  [".5", "number"],
  ["-1e-7", "number"],
  ["1e999", "text"],
  ["1,5", "text"],
  ["1.2.3", "text"],
  ["true", "boolean"],
  ["FALSE", "boolean"],
  ["2024-02-29", "date"],
  ["2024-13-01", "text"],
  ["2024-01-01T00:00:00.123+02:00", "timestamp"],
  ["2024-01-01 25:00", "text"],
  ["Infinity", "text"],
  ["NaN", "text"],
  ["0x10", "text"],
  ["é", "text"],
])("%p looks like %p", (value, type) => {
  expect<string>(valueType(value)).toBe(type);
});

describe("distinct values", () => {
  test("are counted exactly up to the bound", () => {
    const distinct = new DistinctCount(1_000);
    for (let n = 0; n < 5_000; n += 1) distinct.add(`v${n % 1_000}`);
    expect(distinct.count).toBe(1_000);
    expect(distinct.isExact).toBe(true);
  });

  test.each([1_001, 5_000, 20_000, 300_000])("%p are estimated within 6 %", (different) => {
    const distinct = new DistinctCount(1_000);
    for (let n = 0; n < different; n += 1) distinct.add(`v${n}`);
    expect(distinct.isExact).toBe(false);
    expect(Math.abs(distinct.count / different - 1)).toBeLessThan(0.06);
  });
});

test("the result file has all columns, the summary the first hundred", async () => {
  const content = `${Array.from({ length: 150 }, (_, n) => `c${n}`).join(",")}\n`;
  const { bytes, summary } = await runOperation("csv-profile", { content });
  expect(JSON.parse(new TextDecoder().decode(bytes)).columns).toHaveLength(150);
  expect(summary).toMatchObject({ column_count: 150, columns: { length: 100 } });
});
