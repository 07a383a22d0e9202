import { expect, test } from "bun:test";
import {
  numberOption,
  positionals,
  readArguments,
  UsageError,
  wordOption,
} from "@millrace/cli/shell/read-arguments";

test("an option that nobody knows is refused by name", () => {
  expect(() => readArguments(["--prioritty", "1"], { priority: { type: "string" } })).toThrow(UsageError);
  expect(() => readArguments(["--prioritty", "1"], { priority: { type: "string" } })).toThrow("--prioritty");
});

test("an option without its value is refused", () => {
  expect(() => readArguments(["--priority"], { priority: { type: "string" } })).toThrow(UsageError);
});

test("as many arguments as there are names, no less and no more", () => {
  expect(positionals(["t-1"], ["<id>"])).toEqual(["t-1"]);
  expect(() => positionals([], ["<id>"])).toThrow("<id> is missing");
  expect(() => positionals(["a", "b"], ["<id>"])).toThrow('"b"');
});

test("a number is a number, zero included; an option that was not given is none", () => {
  expect(numberOption("n", "0")).toBe(0);
  expect(numberOption("n", "1.5")).toBe(1.5);
  expect(numberOption("n", undefined)).toBeUndefined();
  for (const text of ["", " ", "ten", "NaN", "Infinity", "1s"])
    expect(() => numberOption("n", text)).toThrow("--n");
});

test("a word is one of those that are known", () => {
  expect(wordOption("lane", "long", ["short", "long"])).toBe("long");
  expect(() => wordOption("lane", "fast", ["short", "long"])).toThrow("short, long");
});
