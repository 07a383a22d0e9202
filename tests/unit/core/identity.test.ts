import { expect, test } from "bun:test";
import {
  hasRole,
  hasScope,
  type Identity,
  isRole,
  isScope,
  maySee,
  ROLES,
  SCOPES,
  weakerRole,
} from "@millrace/core";

const identity = (over: Partial<Identity> = {}): Identity => ({
  userId: 1,
  role: "user",
  scopes: "all",
  via: "jwt",
  ...over,
});

test("each role may do what the ones before it may, and no more", () => {
  const table = ROLES.map((held) => ROLES.map((needed) => hasRole(identity({ role: held }), needed)));
  expect(table).toEqual([
    [true, false, false],
    [true, true, false],
    [true, true, true],
  ]);
});

test("all scopes means every scope; a set means its members", () => {
  const limited = identity({ scopes: new Set(["tasks:read"]) });
  for (const scope of SCOPES) {
    expect(hasScope(identity(), scope)).toBe(true);
    expect(hasScope(limited, scope)).toBe(scope === "tasks:read");
  }
});

test("the scope admin includes no other scope", () => {
  expect(hasScope(identity({ scopes: new Set(["admin"]) }), "tasks:read")).toBe(false);
});

test("a user sees only their own things, an operator and an administrator see all", () => {
  expect(maySee(identity(), 1)).toBe(true);
  expect(maySee(identity(), 2)).toBe(false);
  expect(maySee(identity({ role: "operator" }), 2)).toBe(true);
  expect(maySee(identity({ role: "admin" }), 2)).toBe(true);
});

test("the weaker of two roles is the same in either order", () => {
  expect([
    weakerRole("admin", "user"),
    weakerRole("user", "admin"),
    weakerRole("operator", "operator"),
  ]).toEqual(["user", "user", "operator"]);
});

test("other words are neither roles nor scopes", () => {
  expect(["root", "", "Admin", "toString"].filter(isRole)).toEqual([]);
  expect(["*", "tasks", "tasks:", "constructor"].filter(isScope)).toEqual([]);
});
