import { describe, expect, test } from "bun:test";
import * as code from "./code.ts";
import * as imports from "./imports.ts";
import * as layout from "./layout.ts";
import { readTree } from "./tree.ts";

/** Each rule lists its offenders; the list in the failure is what is to be mended. */
const tree = readTree();

test("the tree that the rules look at is the repository", () => {
  const paths = tree.map((file) => file.path);
  expect(paths).toContain("packages/core/limits.ts");
  expect(paths).toContain(".ci/run");
  expect(paths.some((path) => path.includes("node_modules"))).toBe(false);
});

describe("imports", () => {
  test("follow the arrows: core ← protocol, config, host ← store, bus, pool, blobs, observe ← apps", () => {
    expect(imports.importsAgainstTheArrows(tree)).toEqual([]);
  });

  test("every package has its place among the arrows", () => {
    expect(imports.packagesWithoutArrows(tree)).toEqual([]);
  });

  test("no relative import leaves its package", () => {
    expect(imports.importsOutOfThePackage(tree)).toEqual([]);
  });

  test("local files are imported with their ending", () => {
    expect(imports.importsWithoutEnding(tree)).toEqual([]);
  });

  test("whatever a package imports, its package.json lists", () => {
    expect(imports.importsNotListed(tree)).toEqual([]);
  });

  test("whatever a package.json lists, its package uses", () => {
    expect(imports.dependenciesNotUsed(tree)).toEqual([]);
  });

  test("the root lists no package of ours", () => {
    expect(imports.workspacePackagesInRoot(tree)).toEqual([]);
  });
});

describe("code", () => {
  test("core is pure: no clock, dice, timers, environment, I/O", () => {
    expect(code.impureCore(tree)).toEqual([]);
  });

  test("only a process's main.ts, the stack and the tests' support read the environment", () => {
    expect(code.environmentReads(tree)).toEqual([]);
  });

  test("nothing is left for later", () => {
    expect(code.unfinishedWork(tree)).toEqual([]);
  });

  test("every test runs", () => {
    expect(code.testsNotRun(tree)).toEqual([]);
  });

  test("no package registry is named", () => {
    expect(code.registryHosts(tree)).toEqual([]);
  });

  test("no path of one machine is named", () => {
    expect(code.machinePaths(tree)).toEqual([]);
  });
});

describe("layout", () => {
  test("no file is longer than 300 lines", () => {
    expect(layout.longFiles(tree)).toEqual([]);
  });

  test("there is no src folder", () => {
    expect(layout.srcFolders(tree)).toEqual([]);
  });

  test("nothing lies at the top that does not belong there", () => {
    expect(layout.strangersAtTheTop(tree)).toEqual([]);
  });

  test("every folder says in a README what lives there", () => {
    expect(layout.foldersWithoutReadme(tree)).toEqual([]);
  });

  test("every file of core has a unit test that mirrors it", () => {
    expect(layout.coreWithoutTests(tree)).toEqual([]);
  });

  test("every unit test of core has its source", () => {
    expect(layout.coreTestsWithoutSource(tree)).toEqual([]);
  });
});
