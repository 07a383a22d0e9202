import { expect, test } from "bun:test";
import { formatFields, formatTable } from "@millrace/cli/shell/table";

test("columns are as wide as their widest cell, and nothing is an empty cell", () => {
  const table = formatTable(
    ["id", "error"],
    [
      ["a-long-id", ""],
      ["b", "no ink"],
    ],
  );
  expect(table).toBe("ID         ERROR\na-long-id  -\nb          no ink");
});

test("a cell with line breaks stays in its line", () => {
  expect(formatTable(["a"], [["one\ntwo"]])).toBe("A\none two");
});

test("fields without a value are left out", () => {
  expect(
    formatFields([
      ["task", "t-1"],
      ["worker", null],
      ["waits for", ""],
    ]),
  ).toBe("task  t-1");
});
