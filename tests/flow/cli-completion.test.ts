import { beforeAll, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { runCli } from "../support/run-cli.ts";
import { tempHome } from "../support/servers.ts";

/** What somebody gets who presses Tab: in bash for real, by the script that the command prints. */
let script: string;
let env: Readonly<Record<string, string>>;
beforeAll(async () => {
  const home = await tempHome();
  env = { MILLRACE_HOME: home };
  const { status, stdout } = await runCli(["completion", "bash"], { env });
  expect(status).toBe(0);
  script = join(home, "millrace.bash");
  writeFileSync(script, stdout);
}, 60_000);

async function completed(...words: readonly string[]): Promise<readonly string[]> {
  const asking = `set -u; source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _millrace; printf '%s\\n' \${COMPREPLY[@]+"\${COMPREPLY[@]}"}`;
  const child = Bun.spawn(["bash", "--norc", "-c", asking, "bash", script, "millrace", ...words], {
    ...{ stdin: "ignore", stdout: "pipe", stderr: "pipe" },
  });
  const [stdout, stderr, status] = await Promise.all([
    child.stdout.text(),
    child.stderr.text(),
    child.exited,
  ]);
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  return stdout.split("\n").filter((word) => word !== "");
}

test("commands are completed, and their actions", async () => {
  expect(await completed("le")).toEqual(["ledger"]);
  expect(await completed("")).toEqual(expect.arrayContaining(["submit", "dlq", "completion", "up"]));
  expect(await completed("dlq", "")).toEqual(["ls", "show", "redrive", "rm"]);
  expect(await completed("dlq", "re")).toEqual(["redrive"]);
});

test("options are those of the action, and known values follow them", async () => {
  expect(await completed("dlq", "redrive", "--pa")).toEqual(["--patch"]);
  expect(await completed("dlq", "ls", "--pa")).toEqual([]);
  expect(await completed("dlq", "redrive", "some-id", "--ra")).toEqual(["--rate"]);
  expect(await completed("ls", "--status", "")).toEqual([
    ...["pending", "running", "completed", "failed", "cancelled"],
  ]);
  expect(await completed("limits", "set", "h")).toEqual(["host"]);
  expect(await completed("--ver")).toEqual(["--version"]);
});

test("where anything may stand, bash offers files", async () => {
  expect(await completed("files", "upload", "./")).toEqual([]);
  expect(await completed("submit", "x", "--payload", "@")).toEqual([]);
  expect(await Bun.file(script).text()).toContain("complete -o default -F _millrace millrace");
});

test.each(["zsh", "fish"])("%s gets a script of its own, with every command and action", async (shell) => {
  const { status, stdout } = await runCli(["completion", shell], { env });
  expect(status).toBe(0);
  for (const word of ["submit", "dlq redrive", "breakers reset", "--wait-seconds".slice(2)])
    expect(stdout).toContain(word);
});

test("another shell is refused with 2, and the likely one is named", async () => {
  const { status, stderr } = await runCli(["completion", "bsh"], { env });
  expect(status).toBe(2);
  expect(stderr).toContain("did you mean bash?");
  expect((await runCli(["completion"], { env })).status).toBe(2);
});

test("a slip in a command is told with the word that was meant, not with the whole list", async () => {
  const { status, stderr } = await runCli(["sumbit"], { env });
  expect({ status, stderr }).toEqual({
    ...{ status: 2, stderr: 'There is no command "sumbit". Did you mean submit?\n' },
  });
  expect((await runCli(["qqqqq"], { env })).stderr).toContain("Usage: millrace");
});

test("a slip in an action or an option is told with what was meant", async () => {
  const named = { MILLRACE_URL: "http://127.0.0.1:9", MILLRACE_API_KEY: "k" };
  const option = await runCli(["ls", "--priorty", "3"], { env: named });
  expect(option.status).toBe(2);
  expect(option.stderr).toContain("Unknown option '--priorty'; did you mean --priority?");
  const action = await runCli(["dlq", "redrve", "x"], { env: named });
  expect(action.status).toBe(2);
  expect(action.stderr).toContain("did you mean redrive?");
});
