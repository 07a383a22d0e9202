import { expect, test } from "bun:test";
import type { Json } from "@millrace/core";
import { BUILT_IN_TASK_TYPES, isExpectedStatus } from "@millrace/protocol/task-types/index";

function check(taskType: string, payload: Json): string[] {
  return (
    BUILT_IN_TASK_TYPES.get(taskType)
      ?.check(payload)
      .map((problem) => problem.path) ?? ["no such type"]
  );
}

function laneFor(taskType: string, payload: Json): string | undefined {
  return BUILT_IN_TASK_TYPES.get(taskType)?.laneFor(payload);
}

test("each built-in type is found under its own name", () => {
  expect([...BUILT_IN_TASK_TYPES.keys()]).toEqual(["http.request", "simulate"]);
  for (const [name, type] of BUILT_IN_TASK_TYPES) expect(type.taskType).toBe(name);
});

test("a value that waits for a parent's result is not checked before it is there", () => {
  const template = "{{tasks.parent.result.body.url}}";
  expect(check("http.request", { url: template })).toEqual([]);
  expect(
    check("http.request", { url: "https://a.test", headers: { a: template }, expect_status: [template] }),
  ).toEqual([]);
  expect(check("http.request", template)).toEqual([]);
  expect(check("http.request", { url: "https://a.test", headers: template })).toEqual([]);
  expect(check("simulate", { duration_ms: "{{tasks.parent.result.slept_ms}}" })).toEqual([]);
});

test("a template excuses its own field and no other, and no field that the type does not know", () => {
  expect(check("http.request", { url: "{{tasks.a.result}}", method: "NOPE" })).toEqual(["/payload/method"]);
  expect(check("http.request", { unknown: "{{tasks.a.result}}", url: "nope" })).toEqual([
    "/payload/unknown",
    "/payload/url",
  ]);
  expect(check("simulate", { seed: {}, error: "{{tasks.a.result}}" })).toEqual(["/payload/seed"]);
});

test("a simulation goes to the long lane above ten seconds", () => {
  expect(laneFor("simulate", { duration_ms: 10_000 })).toBe("short");
  expect(laneFor("simulate", { duration_ms: 10_001 })).toBe("long");
  expect(laneFor("simulate", "nonsense")).toBe("short");
  expect(laneFor("http.request", { url: "https://a.test" })).toBe("short");
});

test("a status is expected within a range, its ends included, and nowhere else", () => {
  const ranges = [
    { from: 200, to: 204 },
    { from: 404, to: 404 },
  ];
  const expected = [199, 200, 204, 205, 403, 404, 405].filter((status) => isExpectedStatus(status, ranges));
  expect(expected).toEqual([200, 204, 404]);
});
