import { describe, expect, test } from "bun:test";
import { isCorrelationId, isTaskId, isTaskType } from "@millrace/core";
import { CORRELATION_ID_CHARS_MAX, TASK_ID_CHARS_MAX, TASK_TYPE_CHARS_MAX } from "@millrace/core/limits";
import * as fc from "fast-check";

describe("task ids", () => {
  test.each(["a", "0", "unique-task-id", "0192f0c1-7c3e-7000-8000-000000000000", "a.b:c_d-e"])(
    "%p is one",
    (id) => expect(isTaskId(id)).toBe(true),
  );

  test.each([
    "",
    " ",
    "-a",
    ".a",
    ":a",
    "a b",
    "a\n",
    "a/b",
    "../a",
    "a*",
    "a>",
    "é",
    "a\u0000",
    "{{a}}",
    "a,b",
    "'",
  ])("%p is none", (id) => expect(isTaskId(id)).toBe(false));

  test("the longest is one, and one character more is none", () => {
    expect(isTaskId("x".repeat(TASK_ID_CHARS_MAX))).toBe(true);
    expect(isTaskId("x".repeat(TASK_ID_CHARS_MAX + 1))).toBe(false);
  });

  test("every one travels in a URL, a header and a line of text as it is", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: "binary" }), fc.stringMatching(/^[\w.:-]{1,9}$/)), (id) => {
        const isPlain = encodeURIComponent(id).replaceAll("%3A", ":") === id && id.trim() === id;
        return isPlain || !isTaskId(id);
      }),
    );
  });
});

describe("task types", () => {
  test.each(["http.request", "simulate", "file.process", "a-b_c.d1", "Processing", "9"])(
    "%p is one",
    (type) => expect(isTaskType(type)).toBe(true),
  );

  test.each(["", ".", "a.", ".a", "a..b", "a b", "a.*", ">", "a.>", "-a", "a.-b", "a\n", "a:b"])(
    "%p is none",
    (type) => expect(isTaskType(type)).toBe(false),
  );

  test("the longest is one, and one character more is none", () => {
    expect(isTaskType("x".repeat(TASK_TYPE_CHARS_MAX))).toBe(true);
    expect(isTaskType("x".repeat(TASK_TYPE_CHARS_MAX + 1))).toBe(false);
  });

  test("a hostile text is refused quickly", () => {
    const startMs = performance.now();
    expect(isTaskType(`${"a.".repeat(500_000)}!`)).toBe(false);
    expect(performance.now() - startMs).toBeLessThan(100);
  });
});

describe("correlation ids", () => {
  test.each(["a", "req-1", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "YWJj+/==", "a/b:c"])(
    "%p is one",
    (id) => expect(isCorrelationId(id)).toBe(true),
  );

  test.each(["", "=a", "a b", "a\r\nX: y", "a\t", "é", '"', "<b>"])("%p is none", (id) =>
    expect(isCorrelationId(id)).toBe(false),
  );

  test("the longest is one, and one character more is none", () => {
    expect(isCorrelationId("x".repeat(CORRELATION_ID_CHARS_MAX))).toBe(true);
    expect(isCorrelationId("x".repeat(CORRELATION_ID_CHARS_MAX + 1))).toBe(false);
  });
});
