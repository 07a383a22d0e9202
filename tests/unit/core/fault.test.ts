import { describe, expect, test } from "bun:test";
import { assert, FAULTS, Fault, type FaultCode, unreachable } from "@millrace/core";

const codes = Object.keys(FAULTS) as FaultCode[];

describe("codes", () => {
  test.each(codes)("%s has an error status and a title", (code) => {
    expect(code).toMatch(/^[A-Z][A-Z_]*[A-Z]$/);
    expect(FAULTS[code].status).toBeGreaterThanOrEqual(400);
    expect(FAULTS[code].status).toBeLessThanOrEqual(599);
    expect(FAULTS[code].title).toMatch(/^[A-Z].*[^.]$/);
  });

  test("no two codes share a title", () => {
    expect(new Set(codes.map((code) => FAULTS[code].title)).size).toBe(codes.length);
  });
});

describe("a fault", () => {
  test("is an error with code, status, message and cause", () => {
    const cause = new Error("socket closed");
    const fault = new Fault("STORE_UNAVAILABLE", "the database is away", { cause, retryAfterS: 5 });
    expect(fault).toBeInstanceOf(Error);
    expect([fault.name, fault.code, fault.status]).toEqual(["Fault", "STORE_UNAVAILABLE", 503]);
    expect(fault.message).toBe("the database is away");
    expect(fault.cause).toBe(cause);
    expect(fault.retryAfterS).toBe(5);
  });

  test("without detail has no cause, no fields and no retry time", () => {
    const fault = new Fault("NOT_FOUND", "no such task");
    expect("cause" in fault).toBe(false);
    expect(fault.errors).toEqual([]);
    expect(fault.retryAfterS).toBeUndefined();
  });

  test("carries the fields that are wrong", () => {
    const errors = [{ path: "/priority", message: "must be 1 to 10" }];
    expect(new Fault("VALIDATION_FAILED", "wrong", { errors }).errors).toEqual(errors);
  });

  test("a retry time of zero is a time", () => {
    expect(new Fault("OVERLOADED", "busy", { retryAfterS: 0 }).retryAfterS).toBe(0);
  });
});

test("assert passes what holds, and names what does not", () => {
  expect(() => assert(true, "fine")).not.toThrow();
  expect(() => assert(false, "one and one is two")).toThrow("assertion failed: one and one is two");
});

test("unreachable shows the value that reached it", () => {
  expect(() => unreachable("surprise" as never)).toThrow('unreachable: "surprise"');
});
