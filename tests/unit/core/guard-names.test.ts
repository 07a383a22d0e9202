import { expect, test } from "bun:test";
import { breakerName, LIMIT_SCOPES, limitName, readGuardName } from "@millrace/core/guard-names";
import { isTaskType } from "@millrace/core/ids";
import * as fc from "fast-check";

test("what is written is read again, whatever the name has in it", () => {
  fc.assert(
    fc.property(fc.string(), fc.constantFrom(...LIMIT_SCOPES), (name, scope) => {
      expect(readGuardName(breakerName(name))).toEqual({ kind: "breaker", origin: name });
      expect(readGuardName(limitName(scope, name))).toEqual({ kind: "limit", scope, name });
    }),
  );
});

test("no task type is taken for a guard's name, and nothing else is", () => {
  expect(isTaskType(breakerName("x"))).toBe(false);
  for (const text of ["simulate", "limit", "limit:planet:earth", "", ":"])
    expect(readGuardName(text)).toBeNull();
});
