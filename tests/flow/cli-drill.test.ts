import { beforeAll, expect, test } from "bun:test";
import { type CliRun, runCli } from "../support/run-cli.ts";
import { tempHome } from "../support/servers.ts";
import { startStack } from "../support/stack-under-test.ts";

/** An operator breaks parts of a stack on purpose, and reads what became of the work. */
let home = "";

beforeAll(async () => {
  home = await tempHome();
  const stack = await startStack({ home });
  await stack.ready();
}, 90_000);

function millrace(...args: readonly string[]): Promise<CliRun> {
  return runCli(args, { env: { MILLRACE_HOME: home } });
}

const SMALL = ["--tasks", "120", "--events", "2000", "--seconds", "3", "--yes", "--json"];

test.each(["kill-worker", "pg-failover"])(
  "%s: the part is killed under load, and nothing is lost or done twice",
  async (drill) => {
    const { stdout, stderr, status } = await millrace("drill", drill, ...SMALL);
    expect([status, stderr]).toEqual([0, expect.stringContaining("killed ")]);
    expect(JSON.parse(stdout)).toMatchObject({
      drill,
      tasks: { accepted: 120, completed: 120, lost: 0, failed: 0, completed_twice: 0 },
      events: { accepted: 2_000, stored: 2_000, lost: 0, twice: 0 },
      ...{ ledger_is_even: true, passed: true },
    });
  },
  120_000,
);

test("a burst kills nobody and needs no leave; its report is for people", async () => {
  const { stdout, status } = await millrace("drill", "burst", "--tasks", "40", "--events", "500");
  expect(status).toBe(0);
  expect(stdout).toMatch(/^tasks +400 accepted, 400 completed, 0 failed, 0 lost$/m);
  expect(stdout).toMatch(/^events +5000 accepted, 5000 stored, 0 lost, 0 twice$/m);
  expect(stdout).toMatch(/^verdict +passed$/m);
}, 120_000);

test("a command of one's own is the blow, and what fails there fails the drill", async () => {
  const run = ["drill", "run", ...SMALL, "--command"];
  expect(JSON.parse((await millrace(...run, "true")).stdout)).toMatchObject({
    what: "ran true",
    passed: true,
  });
  await expect(millrace(...run, "exit 3")).resolves.toMatchObject({
    status: 1,
    stdout: "",
    stderr: expect.stringMatching(/exit 3 ended with status 3$/m),
  });
}, 120_000);

test("without --yes nothing is killed; wrong calls are told how", async () => {
  expect(await millrace("drill", "kill-worker")).toMatchObject({
    status: 2,
    stderr: expect.stringContaining("add --yes"),
  });
  expect((await millrace("drill", "kill-wroker")).stderr).toContain("did you mean kill-worker");
  expect((await millrace("drill", "run", "--yes")).stderr).toContain("--command");
  expect((await millrace("drill", "burst", "--events", "1e9")).status).toBe(2);
  expect((await millrace("drill")).stdout).toContain("pg-failover");
});
