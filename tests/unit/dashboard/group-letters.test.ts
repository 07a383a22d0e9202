import { expect, test } from "bun:test";
import { groupLetters, patternOf } from "@millrace/dashboard/page/pages/dead-letters/group-letters";
import type { DeadLetter } from "@millrace/dashboard/page/wire/shapes";

function letter(id: string, code: string, message: string): DeadLetter {
  return {
    ...{ task_id: id, task_type: "t", lane: "short", payload: null, attempts: 3 },
    ...{ error: { code, message }, died_at: `2026-01-15T12:00:0${id}.000Z` },
  };
}

test("errors that differ in numbers and ids alone are one kind; the most frequent comes first", () => {
  const groups = groupLetters([
    letter("1", "TIMEOUT", "no answer"),
    letter("2", "HTTP_500", "order 17 of 01a20153-ae4b-72e5-8a20-acdc93965132"),
    letter("3", "HTTP_500", "order 4 of 01a20153-b126-70fa-952b-d8162684eac8"),
  ]);
  expect(groups.map(({ code, letters }) => [code, letters.length])).toEqual([
    ["HTTP_500", 2],
    ["TIMEOUT", 1],
  ]);
  expect(groups[0]?.newest).toBe("2026-01-15T12:00:03.000Z");
});

test("the words of an error stay", () =>
  expect(patternOf("connect ECONNREFUSED 127.0.0.1:9 after 3 tries")).toBe(
    "connect ECONNREFUSED #.#:# after # tries",
  ));
