import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { createClient } from "@millrace/client";
import type { RunFile } from "@millrace/stack/run-file";
import { runCli } from "../support/run-cli.ts";
import { tempHome } from "../support/servers.ts";
import { eventually, startStack } from "../support/stack-under-test.ts";

const DEMO_MS = 120_000;

test(
  "without a stack the demo starts one, everything comes out as predicted, and nothing is left",
  async () => {
    const env = { MILLRACE_HOME: await tempHome(), API_PORT: "0" };
    const { status, stdout, stderr } = await runCli(["demo", "--seed", "11"], { env });
    expect(stderr).toBe("");
    expect(stdout).not.toContain("✗");
    expect(stdout).toMatch(/all \d+ predictions came true in/);
    expect(status).toBe(0);
    const home = /starting one for this in (\S+)/.exec(stdout)?.[1] ?? "";
    expect(home).toContain("millrace-demo-");
    expect(existsSync(home)).toBe(false);
  },
  DEMO_MS,
);

test(
  "the predictions hold although the worker is killed in the middle",
  async () => {
    const home = await tempHome();
    const stack = await startStack({ home, env: { HEARTBEAT_INTERVAL: "1" } });
    await stack.ready();
    const worker = stack.run().processes.find(({ name }) => name === "worker");
    const demo = runCli(["demo", "--run", "killed"], { env: { MILLRACE_HOME: home } });
    await untilSomeCompleted(stack.run());
    process.kill(worker?.pid ?? Number.NaN, "SIGKILL");
    const { status, stdout } = await demo;
    expect(stdout).not.toContain("✗");
    expect(status).toBe(0);
  },
  DEMO_MS,
);

function untilSomeCompleted({ api_url: baseUrl, api_key: apiKey }: RunFile): Promise<void> {
  const { tasks } = createClient({ baseUrl, apiKey });
  return eventually("20 tasks of the demo have completed", async () => {
    const { total } = await tasks.list({ status: "completed", limit: 1 });
    return total >= 20;
  });
}

test(
  "a stack that was named but does not answer is not replaced by another one",
  async () => {
    const { status, stdout, stderr } = await runCli(["demo"], {
      env: { MILLRACE_URL: "http://127.0.0.1:1" },
    });
    expect(status).toBe(3);
    expect(stdout).not.toContain("starting");
    expect(stderr).toContain("http://127.0.0.1:1");
  },
  DEMO_MS,
);
