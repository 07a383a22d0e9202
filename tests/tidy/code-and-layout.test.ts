import { describe, expect, test } from "bun:test";
import * as code from "./code.ts";
import * as layout from "./layout.ts";
import { codeOf, type TreeFile } from "./tree.ts";

/** A rule that cannot fail is worth nothing: each is shown what it must refuse, and what it must let pass. */
function tree(texts: Readonly<Record<string, string>>): readonly TreeFile[] {
  return Object.entries(texts).map(([path, text]) => ({ path, text }));
}

/** Puts a word together that must not stand in this file. */
const word = (...parts: string[]) => parts.join("");

describe("purity of core", () => {
  test.each([
    "Date.now()",
    "new Date()",
    "new Date",
    "Date()",
    "performance.now()",
    "Math.random()",
    "crypto.randomUUID()",
    "setTimeout(f, 1)",
    "setInterval(f, 1)",
    "setImmediate(f)",
    "process.exit()",
    "Bun.sleep(1)",
    "globalThis.x",
    'fetch("x")',
    "console.log(1)",
    `\`\${Date.now()}\``,
    'import "node:fs";',
    'import "postgres";',
  ])("%s is refused", (text) => {
    expect(code.impureCore(tree({ "packages/core/a.ts": text }))).not.toEqual([]);
  });

  test.each([
    "new Date(runAtMs).toISOString()",
    "// never Date.now() here",
    "/** Not `Math.random()`: the dice are passed in. */",
    'throw new Error("process.exit() is not called");',
    "task.process(1)",
    'import { x } from "./b.ts";',
  ])("%s passes", (text) => {
    expect(code.impureCore(tree({ "packages/core/a.ts": text }))).toEqual([]);
  });

  test("group-commit.ts alone may wait for the end of a turn", () => {
    const text = "setImmediate(f);";
    const files = tree({
      "packages/core/group-commit.ts": text,
      "packages/core/other.ts": text,
      "apps/api/a.ts": text,
    });
    expect(code.impureCore(files)).toEqual(["packages/core/other.ts uses setImmediate"]);
  });
});

describe("environment", () => {
  const reads = [
    ["process", "env.X"].join("."),
    `const { env } = ${"process"};`,
    ["Bun", 'env["X"]'].join("."),
    "import.meta.env.X",
  ];

  test.each(reads)("%s is refused in a package, an app's other files and tests", (text) => {
    const files = tree({
      "packages/store/a.ts": text,
      "apps/api/routes/a.ts": text,
      "tests/flow/a.test.ts": text,
    });
    expect(code.environmentReads(files)).toHaveLength(3);
  });

  test.each(reads)("%s passes where a process is wired", (text) => {
    const files = tree({
      "apps/api/main.ts": text,
      "packages/store/migrate-main.ts": text,
      "packages/stack/a.ts": text,
      "tests/support/a.ts": text,
    });
    expect(code.environmentReads(files)).toEqual([]);
  });

  test("a test may change a variable, and code may not", () => {
    const variable = ["process", "env", "HTTP_PROXY"].join(".");
    const text = `${variable} = "x"; delete ${variable};`;
    const files = tree({ "tests/unit/a.test.ts": text, "packages/store/a.ts": text });
    expect(code.environmentReads(files)).toEqual(["packages/store/a.ts"]);
    expect(
      code.environmentReads(tree({ "tests/unit/a.test.ts": `if (${variable} === "x") f();` })),
    ).toHaveLength(1);
  });

  test("a variable called env is none", () => {
    expect(
      code.environmentReads(tree({ "packages/config/a.ts": "const x = env.API_PORT; // not process.env" })),
    ).toEqual([]);
  });
});

describe("words", () => {
  test.each([word("TO", "DO"), word("FIX", "ME"), word("HA", "CK"), word("X", "XX")])(
    "%s is refused",
    (promise) => {
      const offenders = code.unfinishedWork(tree({ "apps/api/a.ts": `ok\n// ${promise}: later` }));
      expect(offenders).toEqual([`apps/api/a.ts:2: // ${promise}: later`]);
    },
  );

  test.each(["mkdtemp XXXXXX", "todo list", "hackathon"])("%s passes", (text) => {
    expect(code.unfinishedWork(tree({ "README.md": text }))).toEqual([]);
  });

  test.each([
    word("test.", 'skip("x")'),
    word("describe.", 'only("x")'),
    word("it.", 'todo("x")'),
    word("test.", 'skipIf(true)("x")'),
    word("test.each([])", ".", 'skip("x")'),
    word("x", 'it("x")'),
  ])("%s is refused in tests", (text) => {
    expect(code.testsNotRun(tree({ "tests/flow/a.test.ts": text }))).toHaveLength(1);
  });

  test.each(['test("skip only todo", f)', 'test.each([1])("x", f)', "rows.skip(1)", 'await exit("x")'])(
    "%s passes",
    (text) => {
      expect(code.testsNotRun(tree({ "tests/flow/a.test.ts": text }))).toEqual([]);
    },
  );

  test.each([word("https://registry", ".npmjs.org/x"), word("http://deb", ".debian.org/debian")])(
    "the registry %s is refused",
    (text) => {
      expect(code.registryHosts(tree({ "deploy/Dockerfile": text }))).toHaveLength(1);
    },
  );

  test.each([
    ["", "work", "main"],
    ["", "root", ".cache"],
    ["", "home", "ann", "x"],
    ["", "Users", "ann"],
  ])("the machine's path %p %p %p is refused", (...parts) => {
    expect(code.machinePaths(tree({ "README.md": `see ${parts.join("/")}` }))).toHaveLength(1);
  });

  test.each(["https://example.org/work/x", "apps/worker/tasks/", "./work/x", "~/root/x", "/health/live"])(
    "%s is no machine's path",
    (text) => {
      expect(code.machinePaths(tree({ "README.md": text }))).toEqual([]);
    },
  );
});

describe("layout", () => {
  test("301 lines are refused, 300 pass, and prose may be longer", () => {
    const lines = (count: number) => "x\n".repeat(count);
    const files = tree({ "apps/a/long.ts": lines(301), "apps/a/ok.ts": lines(300), "README.md": lines(900) });
    expect(layout.longFiles(files)).toEqual(["apps/a/long.ts has 301 lines"]);
  });

  test("a src folder is refused, a file called src is not", () => {
    expect(layout.srcFolders(tree({ "apps/api/src/a.ts": "", "apps/api/src.ts": "" }))).toEqual([
      "apps/api/src/a.ts",
    ]);
  });

  test("strangers at the top are refused, dotfiles pass", () => {
    const files = tree({
      "lib/a.ts": "",
      "notes.md": "",
      ".gitignore": "",
      "apps/api/main.ts": "",
      LICENSE: "",
    });
    expect(layout.strangersAtTheTop(files)).toEqual(["lib", "notes.md"]);
  });

  test("a folder without README is refused", () => {
    const files = tree({
      "apps/api/a.ts": "",
      "apps/cli/README.md": "",
      "packages/core/x/README.md": "",
      "nats/streams/a.json": "",
      "tests/README.md": "",
    });
    expect(layout.foldersWithoutReadme(files)).toEqual([
      "apps/api/README.md",
      "packages/core/README.md",
      "nats/README.md",
    ]);
  });

  test("a core file with behaviour needs its test; types, constants and re-exports do not", () => {
    const files = tree({
      "packages/core/lease.ts": "export function f() {}",
      "packages/core/turns.ts": "export const f = () => 1;",
      "packages/core/types.ts": "export type F = (a: string) => void; export const N = 1;",
      "packages/core/index.ts": 'export * from "./lease.ts";',
      "tests/unit/core/turns.test.ts": "",
    });
    expect(layout.coreWithoutTests(files)).toEqual(["tests/unit/core/lease.test.ts"]);
  });

  test("a test whose source is gone is refused", () => {
    const files = tree({
      "tests/unit/core/gone.test.ts": "",
      "tests/unit/core/ids.test.ts": "",
      "packages/core/ids.ts": "",
    });
    expect(layout.coreTestsWithoutSource(files)).toEqual(["tests/unit/core/gone.test.ts"]);
  });
});

test("comments and strings are no code; template strings are", () => {
  const template = ["`$", "{h()}`"].join("");
  const text = `a(); // b()\n/* c() */ d("e()", 'f() \\' g()'); ${template}`;
  expect(codeOf({ path: "a.ts", text }).replace(/\s+/g, " ")).toBe(`a(); d("", ""); ${template}`);
});
