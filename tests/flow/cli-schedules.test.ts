import { beforeAll, expect, test } from "bun:test";
import { type CliRun, runCli } from "../support/run-cli.ts";
import { tempHome } from "../support/servers.ts";
import { eventually, startStack } from "../support/stack-under-test.ts";

/** An operator makes a schedule, watches it run, pauses it; and pauses a queue. */
let home = "";

beforeAll(async () => {
  home = await tempHome();
  await (await startStack({ home })).ready();
}, 90_000);

function millrace(...args: readonly string[]): Promise<CliRun> {
  return runCli(args, { env: { MILLRACE_HOME: home } });
}

test("without schedules the list says so, and an unknown word is refused", async () => {
  expect((await millrace("schedules", "ls")).stdout).toBe("no schedules\n");
  const { status, stderr } = await millrace("schedules", "fire");
  expect([status, stderr]).toEqual([2, expect.stringContaining("schedules needs one of ls, add")]);
});

test("a schedule is added, runs by itself, is paused, run by hand, and removed", async () => {
  const payload = JSON.stringify({ duration_ms: 0, failure_rate: 0 });
  const added = await millrace("schedules", "add", "tick", "simulate", "--every", "1", "--payload", payload);
  expect(added).toMatchObject({ status: 0, stdout: expect.stringMatching(/^tick runs at \d{4}-/) });
  const last = async () =>
    JSON.parse((await millrace("schedules", "ls", "--json")).stdout).items[0].last_run_at;
  await eventually("it has run", async () => (await last()) !== null);
  expect((await millrace("schedules", "pause", "tick")).stdout).toBe("tick is paused\n");
  expect((await millrace("schedules", "ls")).stdout).toMatch(/^tick +simulate +every 1 s +paused/m);
  const { stdout } = await millrace("schedules", "run", "tick", "--json");
  const taskId = JSON.parse(stdout).task_id;
  await eventually("what was run by hand is done", async () => {
    const shown = await millrace("get", taskId, "--json");
    return JSON.parse(shown.stdout).status === "completed";
  });
  expect((await millrace("schedules", "resume", "tick")).stdout).toMatch(/^tick runs at /);
  expect((await millrace("schedules", "rm", "tick")).status).toBe(0);
  expect((await millrace("schedules", "rm", "tick")).status).toBe(1);
});

test("a wrong cron expression is the caller's mistake, and it is said what is wrong", async () => {
  const { status, stderr } = await millrace("schedules", "add", "wrong", "simulate", "--cron", "61 * * * *");
  expect([status, stderr]).toEqual([2, expect.stringContaining("61")]);
});

test("a task type is paused, shown with what is parked for it, and resumed", async () => {
  expect((await millrace("queues", "pause", "simulate", "--reason", "a drill")).stdout).toBe(
    "simulate is paused\n",
  );
  await millrace("submit", "simulate", "--id", "waits", "--payload", '{"failure_rate":0}');
  await eventually("it is parked", async () =>
    (await millrace("queues")).stdout.includes("1 parked (a drill)"),
  );
  expect((await millrace("queues", "resume", "simulate")).stdout).toBe("simulate is not paused\n");
  await eventually("it has run", async () => {
    const { stdout } = await millrace("get", "waits", "--json");
    return JSON.parse(stdout).status === "completed";
  });
  expect((await millrace("queues", "stop")).status).toBe(2);
});
