import { describe, expect, test } from "bun:test";
import {
  describeCycle,
  findListProblem,
  type GraphNode,
  type GraphSurroundings,
  judgeGraph,
  spread,
} from "@millrace/core/graph";
import * as fc from "fast-check";

const nodes = (shape: Readonly<Record<string, readonly string[]>>): readonly GraphNode[] =>
  Object.entries(shape).map(([id, dependencies]) => ({ id, dependencies }));
const ALONE: GraphSurroundings = { isKnown: () => false, refused: new Set<string>() };
const judge = (shape: Readonly<Record<string, readonly string[]>>, around = ALONE) =>
  Object.fromEntries(judgeGraph(nodes(shape), around));

describe("a graph is taken", () => {
  test.each([
    ["empty", {}],
    ["a diamond in the wrong order", { d: ["b", "c"], c: ["a"], b: ["a"], a: [] }],
    ["several by themselves", { a: [], b: [], c: ["b"] }],
  ])("%s", (_, shape) => {
    expect(judge(shape)).toEqual({});
  });

  test("with parents that were there before", () => {
    expect(judge({ a: ["old"] }, { ...ALONE, isKnown: (id) => id === "old" })).toEqual({});
  });
});

describe("a node is refused", () => {
  test("with all its unknown parents, and whoever depends on it with its name", () => {
    expect(judge({ a: ["x", "y"], b: ["a"], c: ["b"], ok: [] })).toEqual({
      a: { kind: "unknown", ids: ["x", "y"] },
      b: { kind: "parent_refused", id: "a" },
      c: { kind: "parent_refused", id: "b" },
    });
  });

  test("when its parent in the batch was refused for itself, though a task of that id may be there", () => {
    expect(judge({ a: ["bad"] }, { isKnown: () => true, refused: new Set(["bad"]) })).toEqual({
      a: { kind: "parent_refused", id: "bad" },
    });
  });

  test("on a cycle, with its path; what hangs below it is refused, what lies above is not", () => {
    expect(judge({ top: [], a: ["c", "top"], b: ["a"], c: ["b"], below: ["c"] })).toEqual({
      a: { kind: "cycle", path: ["a", "c", "b", "a"] },
      b: { kind: "cycle", path: ["a", "c", "b", "a"] },
      c: { kind: "cycle", path: ["a", "c", "b", "a"] },
      below: { kind: "parent_refused", id: "c" },
    });
  });

  test("on either of two cycles", () => {
    const found = judge({ a: ["b"], b: ["a"], c: ["d"], d: ["c", "a"] });
    expect(found.a).toEqual({ kind: "cycle", path: ["a", "b", "a"] });
    expect(found.d).toEqual({ kind: "cycle", path: ["c", "d", "c"] });
  });
});

test("random graphs: refused are exactly those on a cycle or below one, and each path told is a cycle", () => {
  const edge = fc.tuple(fc.nat(11), fc.nat(11));
  fc.assert(
    fc.property(fc.array(edge, { maxLength: 24 }), (edges) => {
      const shape = Object.fromEntries(Array.from({ length: 12 }, (_, n) => [`n${n}`, [] as string[]]));
      for (const [child, parent] of edges)
        if (!shape[`n${child}`]?.includes(`n${parent}`)) shape[`n${child}`]?.push(`n${parent}`);
      const reach = (from: string): ReadonlySet<string> => {
        const seen = new Set<string>();
        const visit = (id: string): void => {
          for (const parent of shape[id] ?? []) {
            if (seen.has(parent)) continue;
            seen.add(parent);
            visit(parent);
          }
        };
        visit(from);
        return seen;
      };
      const isOnCycle = (id: string) => reach(id).has(id);
      const expected = Object.keys(shape).filter((id) => isOnCycle(id) || [...reach(id)].some(isOnCycle));
      const found = judgeGraph(nodes(shape), ALONE);
      expect([...found.keys()].sort()).toEqual(expected.sort());
      for (const problem of found.values()) {
        if (problem.kind !== "cycle") continue;
        for (const [at, id] of problem.path.slice(0, -1).entries())
          expect(shape[id]).toContain(problem.path[at + 1] ?? "");
      }
    }),
  );
});

test("a chain, a fan and a ring of 100 000 are judged without deep recursion and in less than quadratic time", () => {
  const size = 100_000;
  const chain = Array.from({ length: size }, (_, n) => ({
    id: `${n}`,
    dependencies: n === 0 ? [] : [`${n - 1}`],
  }));
  const fan = Array.from({ length: size }, (_, n) => ({ id: `${n}`, dependencies: n === 0 ? [] : ["0"] }));
  const ring = chain.map((node, n) => (n === 0 ? { ...node, dependencies: [`${size - 1}`] } : node));
  expect(judgeGraph(chain, ALONE).size).toBe(0);
  expect(judgeGraph(fan, ALONE).size).toBe(0);
  expect(judgeGraph(ring, ALONE).size).toBe(size);
});

test("a list that names the task itself, or a parent twice, is told of the place", () => {
  expect(findListProblem("a", ["b", "a"])).toEqual({ index: 1, kind: "self" });
  expect(findListProblem(undefined, ["b", "c", "b"])).toEqual({ index: 2, kind: "twice" });
  expect(findListProblem("a", ["b", "c"])).toBeNull();
});

test("spreading meets everything below once, and names the way", () => {
  const children = new Map([
    ["a", ["b", "c"]],
    ["b", ["d"]],
    ["c", ["d", "a"]],
  ]);
  expect(Object.fromEntries(spread(["a"], children))).toEqual({ b: "a", c: "a", d: "b" });
});

test("a long cycle is told by its beginning and its length", () => {
  const path = Array.from({ length: 31 }, (_, n) => (n === 30 ? "n0" : `n${n}`));
  expect(describeCycle(path)).toBe(`${path.slice(0, 10).join(" → ")} → … → n0 (30 tasks)`);
  expect(describeCycle(["a", "b", "a"])).toBe("a → b → a");
});
