import { describe, expect, test } from "bun:test";
import type { Json } from "@millrace/core";
import {
  fillTemplates,
  hasTemplates,
  type ParentResult,
  templateParents,
  templateProblems,
} from "@millrace/core/template";

const RESULTS: Readonly<Record<string, ParentResult>> = {
  a: {
    isCompleted: true,
    result: { rows: [{ id: 7 }, { id: 8 }], name: "Ada", none: null, big: "x".repeat(50) },
  },
  "a.result": { isCompleted: true, result: { rows: "of the longer id" } },
  dead: { isCompleted: false, result: null },
};
const DEPENDENCIES = new Set(["a", "dead", "gone"]);

const fill = (payload: Json, dependencies: ReadonlySet<string> = DEPENDENCIES, charsMax = 1_000) =>
  fillTemplates(payload, { dependencies, resultOf: (id) => RESULTS[id], charsMax });
const filled = (payload: Json, dependencies?: ReadonlySet<string>): Json => {
  const answer = fill(payload, dependencies);
  if (!answer.ok) throw new Error(answer.error.message);
  return answer.payload;
};
const codeOf = (payload: Json, charsMax?: number) => {
  const answer = fill(payload, DEPENDENCIES, charsMax);
  return answer.ok ? "filled" : answer.error.code;
};

describe("filling", () => {
  test.each([
    ["a value of any kind", "{{tasks.a.result.rows}}", [{ id: 7 }, { id: 8 }]],
    ["a number, not its text", "{{tasks.a.result.rows.1.id}}", 8],
    ["null", "{{tasks.a.result.none}}", null],
    ["texts around it", "Hello {{tasks.a.result.name}}, {{tasks.a.result.rows.0.id}}!", "Hello Ada, 7!"],
    ["JSON in the midst of a text", "rows={{tasks.a.result.rows}}", 'rows=[{"id":7},{"id":8}]'],
    ["null for a parent that did not complete", "{{tasks.dead.result.any.thing}}", null],
    [
      "nothing in what is no template",
      "{{tasks.a}} {{ tasks.a.result }} {{tasks.x.result}}",
      "{{tasks.a}} {{ tasks.a.result }} {{tasks.x.result}}",
    ],
  ] as const)("puts in %s", (_, template, value) => {
    expect(filled({ deep: [{ at: template }] })).toEqual({ deep: [{ at: value as Json }] });
  });

  test("takes the whole result, and leaves everything else as it is, names included", () => {
    const payload = { "{{tasks.a.result.name}}": 1, b: [true, null, 2.5, ""], c: "{{tasks.a.result}}" };
    expect(filled(payload)).toEqual({ ...payload, c: RESULTS.a?.result ?? null });
  });

  test("a result is never filled itself", () => {
    const answer = fillTemplates("{{tasks.a.result}}", {
      dependencies: new Set(["a"]),
      resultOf: () => ({ isCompleted: true, result: "{{tasks.a.result}}" }),
      charsMax: 100,
    });
    expect(answer).toEqual({ ok: true, payload: "{{tasks.a.result}}" });
  });

  test("with an id that holds dots the longest one among the dependencies is meant", () => {
    expect(filled("{{tasks.a.result.result.rows}}", new Set(["a", "a.result"]))).toBe("of the longer id");
  });

  test("a member named __proto__ stays a member", () => {
    const payload = JSON.parse('{"__proto__": "{{tasks.a.result.name}}"}') as Json;
    expect(JSON.stringify(filled(payload))).toBe('{"__proto__":"Ada"}');
  });

  test.each([
    ["a member that is not there", "{{tasks.a.result.nothing}}"],
    ["a place beyond the list", "{{tasks.a.result.rows.2}}"],
    ["a place that is no number", "{{tasks.a.result.rows.length}}"],
    ["what every object inherits", "{{tasks.a.result.constructor}}"],
    ["a member of a text", "{{tasks.a.result.name.length}}"],
  ])("fails for %s, with the place and the path", (_, template) => {
    const answer = fill({ x: { "y/z": template } });
    expect(answer).toMatchObject({ ok: false, error: { code: "TEMPLATE_PATH_MISSING" } });
    if (!answer.ok) expect(answer.error.message).toContain("/payload/x/y~1z: the result of a has no ");
  });

  test("fails for a parent of whom nothing is known any more", () => {
    expect(codeOf("{{tasks.gone.result}}")).toBe("TEMPLATE_PARENT_GONE");
  });

  test("counts what the results bring, each time, and stops at the bound", () => {
    const big = "{{tasks.a.result.big}}"; // 52 characters of JSON.
    expect(codeOf([big, big], 104)).toBe("filled");
    expect(codeOf([big, big], 103)).toBe("TEMPLATE_TOO_LARGE");
    expect(codeOf(Array.from({ length: 100_000 }, () => big).join(""), 1_000)).toBe("TEMPLATE_TOO_LARGE");
  });
});

describe("looking at a payload", () => {
  test("templates are found wherever a text may stand, and nowhere else", () => {
    expect(hasTemplates({ a: [{ b: "x {{tasks.a.result}} y" }] })).toBe(true);
    for (const payload of [null, 1, "", "{{tasks.", "{{tasks.}}", { "{{tasks.a.result}}": 1 }] as Json[])
      expect(hasTemplates(payload)).toBe(false);
  });

  test("the parents are named whose results are wanted", () => {
    const payload = ["{{tasks.a.result.x}} {{tasks.dead.result}}", "{{tasks.other.result}}"];
    expect([...templateParents(payload, DEPENDENCIES)]).toEqual(["a", "dead"]);
  });

  test("a template that names no dependency, or is none, is told with its place", () => {
    const payload = { url: "{{tasks.b.result.url}}", list: ["{{tasks.a}}", "{{tasks.a.result}}"] };
    expect(templateProblems(payload, DEPENDENCIES)).toEqual([
      {
        path: "/payload/url",
        message: "{{tasks.b.result.url}} names the task b, which is not among the dependencies",
      },
      {
        path: "/payload/list/0",
        message: "{{tasks.a}} is no template: write {{tasks.<id>.result}} or {{tasks.<id>.result.path}}",
      },
    ]);
  });

  test("of very many wrong ones a few are told", () => {
    const payload = Array.from({ length: 50_000 }, () => "{{tasks.b.result}}");
    expect(templateProblems(payload, DEPENDENCIES)).toHaveLength(20);
  });
});
