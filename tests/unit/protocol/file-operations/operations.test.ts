import { expect, test } from "bun:test";
import {
  describeFileOperations,
  FILE_OPERATION_NAMES,
  FILE_OPERATIONS,
  isFileOperationName,
  parseOptions,
  resultName,
} from "@millrace/protocol/file-operations/index";

test("the operations are those of the contract", () => {
  expect([...FILE_OPERATION_NAMES].sort()).toEqual([
    "checksum",
    "csv-profile",
    "gzip",
    "text-stats",
    "thumbnail",
    "uppercase",
  ]);
});

test.each(FILE_OPERATION_NAMES)("the defaults of %s pass its own check", (name) => {
  const defaults = parseOptions(FILE_OPERATIONS[name].options, {});
  expect(defaults).not.toBeNull();
  expect(FILE_OPERATIONS[name].check(JSON.parse(JSON.stringify(defaults)))).toEqual([]);
});

test("the list for clients says of each option what it may be", () => {
  expect(describeFileOperations()).toContainEqual({
    operation: "gzip",
    description: FILE_OPERATIONS.gzip.description,
    options: [
      { option: "level", kind: "integer", min: 1, max: 9, default: 6, description: expect.any(String) },
    ],
  });
});

test.each(["toString", "__proto__", "constructor", "Uppercase", ""])("%p is no operation", (name) => {
  expect(isFileOperationName(name)).toBe(false);
});

test.each([
  ["report.csv", "csv-profile", "json", "report.csv-profile.json"],
  ["report.csv", "gzip", "gz", "report.csv.gz"],
  ["report.csv", "uppercase", null, "report.uppercase.csv"],
  ["README", "uppercase", null, "README.uppercase"],
  ["a.b.PNG", "thumbnail", "jpg", "a.b.thumbnail.jpg"],
  [".env", "checksum", "json", ".checksum.json"],
] as const)("%p after %s is called %4$p", (filename, operation, extension, name) => {
  expect(resultName(filename, operation, extension)).toBe(name);
});
