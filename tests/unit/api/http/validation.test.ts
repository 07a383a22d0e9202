import { expect, test } from "bun:test";
import { describeValidation } from "@millrace/api/http/validation";

const refusal = (message: string, schema: unknown = {}, path = "/a") => ({
  type: "body",
  value: undefined,
  all: [{ path, message, schema }],
});

test.each([
  ["Expected required property", "is required"],
  ["Unexpected property", "is not a known field"],
  ["Expected string", "must be a string"],
  ["Expected object", "must be an object"],
  ["Expected string length greater or equal to 10", "must have a length greater or equal to 10"],
  ["Expected array length to be less or equal to 3", "must have a number of items less or equal to 3"],
  ["Expected integer to be less or equal to 10", "must be less or equal to 10"],
  ["Expected string to match 'date-time' format", "must have the format date-time"],
  ["Expected string to match '^[a-z]+$'", "must match ^[a-z]+$"],
  ["Expected null", "must be null"],
  ["something new", "is not valid"],
])("%p becomes %p", (message, words) => {
  const fault = describeValidation(refusal(message));
  expect(fault.code).toBe("VALIDATION_FAILED");
  expect(fault.message).toBe(`in the body: /a ${words}`);
  expect(fault.errors).toEqual([{ path: "/a", message: words }]);
});

test("a union lists its choices, each once", () => {
  const anyOf = [
    { const: "a" },
    { const: 1 },
    { type: "null" },
    { format: "numeric", type: "string" },
    { type: "number" },
  ];
  expect(describeValidation(refusal("Expected union value", { anyOf })).errors[0]?.message).toBe(
    'must be "a" or 1 or null or a number',
  );
});

test("a schema's own words come first, except where the field itself is missing or unknown", () => {
  const schema = { error: "must be a cron expression" };
  expect(describeValidation(refusal("Expected string", schema)).errors[0]?.message).toBe(
    "must be a cron expression",
  );
  expect(describeValidation(refusal("Expected required property", schema)).errors[0]?.message).toBe(
    "is required",
  );
});

test("a parameter out of range is named, although Elysia does not tell its name", () => {
  const outOfRange = {
    type: "property",
    value: 0,
    all: [{ path: "", message: "Expected integer to be greater or equal to 1" }],
  };
  const named = describeValidation(outOfRange, "http://h/x?offset=5&limit=0");
  expect(named.errors).toEqual([{ path: "/limit", message: "must be greater or equal to 1" }]);
  expect(named.message).toBe("in the query string: /limit must be greater or equal to 1");
  expect(describeValidation(outOfRange, "http://h/x?offset=0&limit=0").errors[0]?.path).toBe("");
  expect(describeValidation(outOfRange).errors[0]?.path).toBe("");
});
