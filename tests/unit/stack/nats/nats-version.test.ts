import { expect, test } from "bun:test";
import { isNewEnough, parseNatsVersion, versionOf } from "@millrace/stack/nats/nats-version";

test.each([
  ["nats-server: v2.15.1\n", "2.15.1"],
  ["nats-server: v2.14.0-RC.1", "2.14.0"],
  ["nginx: v2.15.1", undefined],
  ["", undefined],
])("%p is version %p", (output, version) => {
  expect(parseNatsVersion(output)).toBe(version);
});

test.each(["2.14.0", "2.14.1", "2.15.0", "3.0.0", "2.100.0"])("%p is new enough", (version) => {
  expect(isNewEnough(version)).toBe(true);
});

test.each(["2.13.9", "2.9.25", "1.99.0", "2.2.100"])("%p is too old", (version) => {
  expect(isNewEnough(version)).toBe(false);
});

test("a file that is missing, or another program, has no version", () => {
  expect(versionOf("/nowhere/nats-server")).toBeUndefined();
  expect(versionOf("/bin/true")).toBeUndefined();
});
