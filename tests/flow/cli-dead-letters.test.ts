import { beforeAll, expect, test } from "bun:test";
import { type CliRun, runCli } from "../support/run-cli.ts";
import { tempHome } from "../support/servers.ts";
import { eventually, startStack } from "../support/stack-under-test.ts";

/** An operator finds dead letters, looks into them, brings them back or throws them away. */
let home = "";

beforeAll(async () => {
  home = await tempHome();
  await (await startStack({ home })).ready();
}, 90_000);

function millrace(...args: readonly string[]): Promise<CliRun> {
  return runCli(args, { env: { MILLRACE_HOME: home } });
}

async function bury(id: string, error: string): Promise<void> {
  const payload = JSON.stringify({ failure_rate: 1, error });
  const { status } = await millrace(
    "submit",
    "simulate",
    "--id",
    id,
    "--payload",
    payload,
    "--attempts",
    "1",
    "--wait",
  );
  expect(status).toBe(1);
}

test("without dead letters the list says so", async () => {
  expect((await millrace("dlq", "ls", "--error", "nothing says this")).stdout).toBe("no dead letters\n");
});

test("a dead letter is listed with its error, and shown with its payload and attempts", async () => {
  await bury("lost-1", "the ship has sunk");
  expect((await millrace("dlq", "ls", "--error", "ship has")).stdout).toMatch(
    /^lost-1 +simulate +1 .*has sunk$/m,
  );
  const { stdout } = await millrace("dlq", "show", "lost-1");
  expect(stdout).toContain('{"failure_rate":1,"error":"the ship has sunk"}');
  expect(stdout).toMatch(/^1 +dead /m);
});

test("redriven with a patch it completes, and has left the list", async () => {
  await bury("healed", "the bridge is up");
  const redriven = await millrace("dlq", "redrive", "healed", "--patch", '{"failure_rate":0}');
  expect(redriven).toMatchObject({ status: 0, stdout: "1 redriven, 0 skipped\n" });
  expect((await millrace("dlq", "show", "healed")).status).toBe(1);
  const task = async () => JSON.parse((await millrace("get", "healed", "--json")).stdout);
  await eventually("the task has completed", async () => (await task()).status === "completed");
  expect(await task()).toMatchObject({ payload: { failure_rate: 0, error: "the bridge is up" } });
});

test("those with one error are redriven together, and no others", async () => {
  for (const id of ["storm-1", "storm-2"]) await bury(id, "a storm");
  await bury("calm-1", "a calm");
  const { stdout } = await millrace(
    "dlq",
    "redrive",
    "--error",
    "a storm",
    "--patch",
    '{"failure_rate":0}',
    "--json",
  );
  expect(JSON.parse(stdout)).toMatchObject({ redriven: 2, skipped: [] });
  expect((await millrace("dlq", "show", "calm-1")).status).toBe(0);
});

test("a named task that is no dead letter makes the redrive fail", async () => {
  const { status, stdout } = await millrace("dlq", "redrive", "nobody");
  expect(status).toBe(1);
  expect(stdout).toContain("nobody is no dead letter");
});

test("a redrive of everything must be asked for", async () => {
  for (const args of [[], ["--all", "some-id"], ["--all", "--type", "simulate"]]) {
    const { status, stderr } = await millrace("dlq", "redrive", ...args);
    expect(status).toBe(2);
    expect(stderr).toContain("--all");
  }
});

test("a patch that is no object is refused before anything is sent", async () => {
  for (const patch of ["[]", "null", "7", "{"])
    expect((await millrace("dlq", "redrive", "x", "--patch", patch)).status).toBe(2);
});

test("one that was thrown away is off the list, and its task stays failed", async () => {
  await bury("gone", "a leak");
  expect((await millrace("dlq", "rm", "gone")).status).toBe(0);
  expect((await millrace("dlq", "rm", "gone")).status).toBe(1);
  expect(JSON.parse((await millrace("get", "gone", "--json")).stdout)).toMatchObject({ status: "failed" });
});

test("an unknown word after dlq ends with 2 and lists the known ones", async () => {
  const { status, stderr } = await millrace("dlq", "resurrect");
  expect(status).toBe(2);
  expect(stderr).toContain("ls, show, redrive, rm");
});
