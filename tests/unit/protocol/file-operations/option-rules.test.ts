import { describe, expect, test } from "bun:test";
import { checkOptions, parseOptions } from "@millrace/protocol/file-operations/index";

const RULES = {
  level: { kind: "integer", min: 1, max: 9, default: 6, description: "" },
  header: { kind: "boolean", default: true, description: "" },
  fit: { kind: "choice", values: ["inside", "cover"], default: "inside", description: "" },
  sums: { kind: "subset", values: ["a", "b"], description: "" },
} as const;

test.each([undefined, null, {}, { level: null }])("%p stands for the defaults", (options) => {
  expect(parseOptions(RULES, options)).toEqual({ level: 6, header: true, fit: "inside", sums: ["a", "b"] });
});

test("what is given takes the place of the default", () => {
  const options = { level: 1, header: false, fit: "cover", sums: ["b"] };
  expect(parseOptions(RULES, options)).toEqual({ level: 1, header: false, fit: "cover", sums: ["b"] });
});

describe("what does not fit is a problem with its path", () => {
  test.each([
    [{ level: 0 }, "/options/level", "a whole number from 1 to 9"],
    [{ level: 10 }, "/options/level", "a whole number from 1 to 9"],
    [{ level: 1.5 }, "/options/level", "a whole number from 1 to 9"],
    [{ level: "1" }, "/options/level", "a whole number from 1 to 9"],
    [{ header: "true" }, "/options/header", "true or false"],
    [{ fit: "fill" }, "/options/fit", 'one of "inside", "cover"'],
    [{ fit: ["cover"] }, "/options/fit", 'one of "inside", "cover"'],
    [{ sums: [] }, "/options/sums", "a list"],
    [{ sums: ["a", "a"] }, "/options/sums", "a list"],
    [{ sums: ["c"] }, "/options/sums", "a list"],
    [{ sums: "a" }, "/options/sums", "a list"],
    [{ levle: 1 }, "/options/levle", "is not an option of this operation (known: level, header, fit, sums)"],
    [{ "a/b~c": 1 }, "/options/a~1b~0c", "is not an option"],
    [{ constructor: 1 }, "/options/constructor", "is not an option"],
    [{ ["__proto__"]: { level: 1 } }, "/options/__proto__", "is not an option"],
  ])("%p", (options, path, message) => {
    const problems = checkOptions(RULES, options);
    expect(problems).toHaveLength(1);
    expect(problems[0]?.path).toBe(path);
    expect(problems[0]?.message).toContain(message);
    expect(parseOptions(RULES, options)).toBeNull();
  });

  test.each([["text"], [1], [true], [[]]])("%p is no object", (options) => {
    expect(checkOptions(RULES, options)).toEqual([{ path: "/options", message: "must be an object" }]);
  });

  test("and all problems are told at once", () => {
    expect(checkOptions(RULES, { level: 0, header: 1, other: 2 })).toHaveLength(3);
  });
});
