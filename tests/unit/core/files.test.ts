import { describe, expect, test } from "bun:test";
import { cleanContentType, cleanFilename, fileStatusOf } from "@millrace/core";
import fc from "fast-check";

describe("cleanFilename", () => {
  test.each([
    ["report.csv", "report.csv"],
    ["../../etc/passwd", "passwd"],
    ["C:\\Users\\me\\report.csv", "report.csv"],
    ["Überschrift 你好 🦦.txt", "Überschrift 你好 🦦.txt"],
    ["a\0b\r\nc\u001b[31m.txt", "abc[31m.txt"],
    ["photo\u202egpj.exe", "photogpj.exe"],
    ["", "file"],
    ["..", "file"],
    ["folder/", "file"],
    ["  spaced  ", "spaced"],
    ["\ud800.txt", "\ufffd.txt"],
  ])("of %j is %j", (sent, shown) => {
    expect(cleanFilename(sent)).toBe(shown);
  });

  test("keeps the extension of a name that is too long", () => {
    const name = cleanFilename(`${"ä".repeat(300)}.csv`);
    expect(name.endsWith("ä.csv")).toBe(true);
    expect(Buffer.byteLength(name)).toBeWithin(250, 256);
  });

  test("is short, has no slash and no control character, and is clean already, whatever was sent", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 400 }), (sent) => {
        const name = cleanFilename(sent);
        expect(Buffer.byteLength(name)).toBeWithin(1, 256);
        expect(name).not.toMatch(/[/\\\p{Cc}]/u);
        expect(cleanFilename(name)).toBe(name);
      }),
    );
  });
});

test.each([
  ["text/csv; charset=utf-8", "text/csv"],
  ["IMAGE/PNG", "image/png"],
  ["text/html\r\nX: y", "application/octet-stream"],
  ["nonsense", "application/octet-stream"],
  [undefined, "application/octet-stream"],
  [`text/${"x".repeat(200)}`, "application/octet-stream"],
])("the content type of %j is %j", (sent, kept) => {
  expect(cleanContentType(sent)).toBe(kept);
});

test("a file is as far as its task", () => {
  expect((["pending", "running", "completed", "failed", "cancelled"] as const).map(fileStatusOf)).toEqual([
    ...["queued", "processing", "completed", "failed", "failed"],
  ] as never);
  expect(fileStatusOf(null)).toBe("uploading");
});
