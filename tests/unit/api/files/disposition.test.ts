import { expect, test } from "bun:test";
import { attachment, safeTypeOf } from "@millrace/api/files/disposition";
import fc from "fast-check";

test.each([
  ["report.csv", `attachment; filename="report.csv"; filename*=UTF-8''report.csv`],
  [
    "naïve “file”.txt",
    `attachment; filename="na_ve _file_.txt"; filename*=UTF-8''na%C3%AFve%20%E2%80%9Cfile%E2%80%9D.txt`,
  ],
  [`a"b\\c'(1)*.txt`, `attachment; filename="a_b_c'(1)*.txt"; filename*=UTF-8''a%22b%5Cc%27%281%29%2A.txt`],
])("the file %j is sent as %s", (name, header) => {
  expect(attachment(name)).toBe(header);
});

test("no name, whatever is in it, gets out of its quotes, or out of the header", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 60 }), (name) => {
      const header = attachment(name);
      expect(header).toMatch(/^attachment; filename="[ !#-[\]-~]*"; filename\*=UTF-8''[A-Za-z0-9!~._%-]*$/);
      expect(() => new Headers({ "Content-Disposition": header })).not.toThrow();
    }),
  );
});

test.each([
  ["image/png", "image/png"],
  ["text/plain; charset=utf-16", "text/plain; charset=utf-8"],
  ["application/json", "application/json"],
  ["text/html", "application/octet-stream"],
  ["image/svg+xml", "application/octet-stream"],
  ["application/xhtml+xml", "application/octet-stream"],
  ["text/javascript", "application/octet-stream"],
  ["application/pdf", "application/octet-stream"],
  ["", "application/octet-stream"],
])("what is said to be %j is sent as %j", (said, sent) => {
  expect(safeTypeOf(said)).toBe(sent);
});
