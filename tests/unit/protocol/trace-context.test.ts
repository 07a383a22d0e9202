import { expect, test } from "bun:test";
import { joinTraceContext, splitTraceContext, traceFields } from "@millrace/protocol";

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const SPAN = "b7ad6b7169203331";
const PARENT = `00-${TRACE}-${SPAN}-01`;

test("a sane context is joined, split and told as it came, with its state or without", () => {
  for (const state of [undefined, null, "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"]) {
    const joined = joinTraceContext(PARENT, state);
    expect(splitTraceContext(joined)).toEqual({
      traceparent: PARENT,
      ...(typeof state === "string" && { tracestate: state }),
    });
    expect(traceFields(joined)).toEqual({ trace_id: TRACE, span_id: SPAN });
  }
});

test.each([
  ["nothing", undefined],
  ["nothing at all", null],
  ["an empty header", ""],
  ["a word", "garbage"],
  ["no trace", `00-${"0".repeat(32)}-${SPAN}-01`],
  ["no span", `00-${TRACE}-${"0".repeat(16)}-01`],
  ["upper case", PARENT.toUpperCase()],
  ["a version that cannot be", `ff-${TRACE}-${SPAN}-01`],
  ["parts that version 00 does not have", `${PARENT}-more`],
  ["two headers in one", `${PARENT}, ${PARENT}`],
  ["a line break", `${PARENT}\r\nx: y`],
  ["a later version without an end", `01-${TRACE}-${SPAN}-01${"x".repeat(5)}`],
  ["a later version of endless length", `01-${TRACE}-${SPAN}-01-${"x".repeat(5_000)}`],
])("%s is no context", (_, traceparent) => {
  expect(joinTraceContext(traceparent, "a=b")).toBeUndefined();
});

test("what a later version adds is left out, and what it has in common is understood", () => {
  expect(joinTraceContext(`cc-${TRACE}-${SPAN}-01`, null)).toBe(PARENT);
  expect(joinTraceContext(`cc-${TRACE}-${SPAN}-01-what-it-adds`, null)).toBe(PARENT);
});

test("a state that cannot stand in a header is left out, and the context is gone on with", () => {
  for (const state of ["", "a=b\r\nx: y", "ä=b", "x".repeat(513)])
    expect(joinTraceContext(PARENT, state)).toBe(PARENT);
});

test("a stored text that no context has made is none", () => {
  for (const text of [undefined, "", "garbage", PARENT.slice(0, 54), `x${PARENT}`])
    expect(splitTraceContext(text)).toBeUndefined();
});
