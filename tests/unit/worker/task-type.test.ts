import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { loadTaskTypes, type TaskPorts } from "@millrace/worker/task-type";
import { taskContext } from "../../support/task-context.ts";

const PORTS: TaskPorts = { egress: { allowLoopback: false, allow: [] }, allowCrash: true };
let folder = "";

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "millrace-tasks-"));
});
afterEach(() => rm(folder, { recursive: true }));

const typed = (name: string) =>
  `export default { taskType: "${name}", run: async () => ({ kind: "completed", result: 1 }) };`;

async function load(files: Record<string, string>): Promise<string[] | string> {
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), text);
  }
  try {
    return [...(await loadTaskTypes(folder, PORTS)).keys()];
  } catch (error) {
    return error instanceof Error ? error.message : "";
  }
}

test("the worker's own folder holds http.request and simulate, and file.process for who takes files", async () => {
  const own = dirname(Bun.resolveSync("@millrace/worker/tasks/simulate", import.meta.dir));
  expect([...(await loadTaskTypes(own, PORTS)).keys()]).toEqual(["http.request", "simulate"]);
});

test("one file more is one task type more", async () => {
  expect(await load({ "a.ts": typed("image.resize"), "b.js": typed("mail"), "c.mjs": typed("c") })).toEqual([
    "image.resize",
    "mail",
    "c",
  ]);
});

test("a file may export a function that gets the worker's ports", async () => {
  await load({
    "a.ts": `export default async (ports) => ({ taskType: "a", run: async () => ({ kind: "completed", result: ports.allowCrash }) });`,
  });
  const type = (await loadTaskTypes(folder, PORTS)).get("a");
  expect(await type?.run(taskContext(null))).toEqual({ kind: "completed", result: true });
});

test("a function that returns null defines no type; a file that is null is malformed", async () => {
  expect(await load({ "a.ts": "export default () => null;", "b.ts": typed("b") })).toEqual(["b"]);
  expect(await load({ "c.ts": "export default null;" })).toContain("c.ts");
});

test("what is not meant to be one is left alone", async () => {
  const files = {
    "README.md": "x",
    ".hidden.ts": "x",
    "_shared.ts": "x",
    "types.d.ts": "x",
    "inner/part.ts": "x",
  };
  expect(await load({ ...files, "a.ts": typed("a") })).toEqual(["a"]);
});

test("an empty folder has none, and a missing one is an error", async () => {
  expect(await load({})).toEqual([]);
  expect(loadTaskTypes(join(folder, "missing"), PORTS)).rejects.toThrow("ENOENT");
});

test("two files for one type are an error that names both", async () => {
  expect(await load({ "a.ts": typed("mail"), "b.ts": typed("mail") })).toContain(
    "b.ts: defines mail, as a.ts does",
  );
});

const MALFORMED: [text: string, problem: string][] = [
  ["", "the default export is not a task type"],
  ["export default 7;", "the default export is not a task type"],
  ["export default null;", "the default export is not a task type"],
  ['export default { taskType: "a" };', "the default export is not a task type"],
  ["export default { taskType: 1, run() {} };", "the default export is not a task type"],
  ["export default () => undefined;", "the default export is not a task type"],
  ['export default { taskType: "a b", run() {} };', '"a b" is not a task type\'s name'],
  ['throw new Error("boom at import");', "boom at import"],
  ['export default () => { throw new Error("boom in factory"); };', "boom in factory"],
];
for (const [text, problem] of MALFORMED)
  test(`a file with "${text}" is an error that names it`, async () => {
    const message = await load({ "bad.ts": text, "good.ts": typed("good") });
    expect(message).toContain(`bad.ts: ${problem}`);
  });

test("all malformed files are named at once", async () => {
  const message = await load({ "a.ts": "", "b.ts": "export default 1;" });
  expect(message).toContain("a.ts: ");
  expect(message).toContain("b.ts: ");
});
