import { describe, expect, test } from "bun:test";
import * as imports from "./imports.ts";
import type { TreeFile } from "./tree.ts";

/** A rule that cannot fail is worth nothing: each is shown what it must refuse, and what it must let pass. */
function tree(texts: Readonly<Record<string, string>>): readonly TreeFile[] {
  return Object.entries(texts).map(([path, text]) => ({ path, text }));
}

describe("arrows", () => {
  const offenders = (path: string, text: string) =>
    imports.importsAgainstTheArrows(tree({ [path]: text, "apps/worker/main.ts": "" }));

  test.each([
    ["packages/core/a.ts", 'import { x } from "@millrace/protocol";'],
    ["packages/config/a.ts", 'import { x } from "@millrace/protocol/x";'],
    ["packages/store/a.ts", 'import { x } from "@millrace/bus";'],
    ["packages/store/a.ts", 'import type { X } from "@millrace/observe";'],
    ["packages/store/a.ts", 'import { type X } from "@millrace/observe";'],
    ["packages/store/a.ts", 'export type { X } from "@millrace/observe";'],
    ["packages/store/a.ts", 'export * from "@millrace/observe";'],
    ["packages/store/a.ts", 'type X = import("@millrace/observe").X;'],
    ["packages/stack/a.ts", 'await import("@millrace/store");'],
    ["packages/client/a.ts", 'import { x } from "@millrace/core";'],
    ["packages/client/a.ts", 'import type { X } from "@millrace/store";'],
    ["packages/unheard/a.ts", 'import { x } from "@millrace/core";'],
    ["apps/api/a.ts", 'import { x } from "@millrace/worker";'],
  ])("%s: %s is refused", (path, text) => {
    expect(offenders(path, text)).toHaveLength(1);
  });

  test.each([
    ["packages/protocol/a.ts", 'import { x } from "@millrace/core";'],
    [
      "packages/store/a.ts",
      'import { x } from "@millrace/config"; import type { Y } from "@millrace/protocol";',
    ],
    ["packages/stack/a.ts", 'import { x } from "@millrace/observe";'],
    ["packages/client/a.ts", 'import type { X } from "@millrace/core";'],
    ["packages/core/a.ts", '// import { x } from "@millrace/store";'],
    ["apps/api/a.ts", 'import { x } from "@millrace/store";'],
    ["tests/flow/a.test.ts", 'import { x } from "@millrace/worker";'],
  ])("%s: %s passes", (path, text) => {
    expect(offenders(path, text)).toEqual([]);
  });

  test("a package without a place is named", () => {
    expect(
      imports.packagesWithoutArrows(tree({ "packages/odd/a.ts": "", "packages/core/a.ts": "" })),
    ).toEqual(["odd"]);
  });

  test("a file that cannot be parsed is named", () => {
    expect(() => imports.importsOf({ path: "apps/api/odd.ts", text: "import {" })).toThrow("apps/api/odd.ts");
  });

  test("a type alias in a block is no import of a type", () => {
    const text = "function f() { type A = { readonly b: string }; const c: A = { b: `x` }; return c; }";
    expect(imports.importsOf({ path: "a.ts", text })).toEqual([]);
  });
});

describe("relative imports", () => {
  test("one that leaves its package is refused", () => {
    const files = tree({
      "packages/store/tasks/a.ts": 'import "../../core/ids.ts"; import "../b.ts"; import "./c.ts";',
      "tests/unit/core/a.test.ts": 'import "../../../packages/core/ids.ts"; import "../../support/x.ts";',
    });
    expect(imports.importsOutOfThePackage(files)).toEqual([
      "packages/store/tasks/a.ts imports ../../core/ids.ts",
      "tests/unit/core/a.test.ts imports ../../../packages/core/ids.ts",
    ]);
  });

  test("one without an ending is refused", () => {
    const files = tree({ "packages/core/a.ts": 'import "./b"; import "./c.ts"; import s from "./d.sql";' });
    expect(imports.importsWithoutEnding(files)).toEqual(["packages/core/a.ts imports ./b"]);
  });
});

describe("dependencies", () => {
  const manifest = '{"dependencies":{"postgres":"1","@nats-io/kv":"1"},"devDependencies":{"left":"1"}}';

  test("what is imported and not listed is refused; builtins and the package itself are not asked for", () => {
    const text = `import "postgres"; import "@nats-io/kv/x"; import "elysia"; import "node:fs"; import "bun:test";
      import "bun"; import "@millrace/store/x"; import type { X } from "typed";`;
    expect(
      imports.importsNotListed(
        tree({ "packages/store/package.json": manifest, "packages/store/a.ts": text }),
      ),
    ).toEqual([
      "packages/store/a.ts imports elysia, which packages/store/package.json does not list",
      "packages/store/a.ts imports typed, which packages/store/package.json does not list",
    ]);
  });

  test("what markup compiles to is not imported by whoever writes it", () => {
    const files = tree({
      "apps/dashboard/page/a.tsx": "export const A = () => <p>hello</p>;",
      "apps/dashboard/package.json": "{}",
    });
    expect(imports.importsNotListed(files)).toEqual([]);
  });

  test("what is listed and not used is refused; a name that is resolved counts as used", () => {
    const text = 'import "postgres"; Bun.resolveSync("@nats-io/kv/x", ".");';
    expect(
      imports.dependenciesNotUsed(
        tree({ "packages/store/package.json": manifest, "packages/store/a.ts": text }),
      ),
    ).toEqual(["packages/store/package.json lists left, which nothing uses"]);
  });

  test("a package of ours in the root is refused", () => {
    const root = '{"devDependencies":{"@millrace/core":"workspace:*","typescript":"7"}}';
    expect(imports.workspacePackagesInRoot(tree({ "package.json": root }))).toEqual(["@millrace/core"]);
  });
});
