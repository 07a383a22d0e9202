import { beforeAll, expect, test } from "bun:test";
import { type Client, createClient } from "@millrace/client";
import { type CliRun, runCli } from "../support/run-cli.ts";
import { untilTrue } from "../support/running-stack.ts";
import { tempHome } from "../support/servers.ts";
import { startStack } from "../support/stack-under-test.ts";

/** An operator looks who works, and sends one of them home. */
let home = "";
let client: Client;

beforeAll(async () => {
  home = await tempHome();
  const stack = await startStack({ home });
  await stack.ready();
  const { api_url: baseUrl, api_key: apiKey } = stack.run();
  client = createClient({ baseUrl, apiKey });
}, 90_000);

function millrace(...args: readonly string[]): Promise<CliRun> {
  return runCli(args, { env: { MILLRACE_HOME: home } });
}

test("the table shows our own workers and those that speak HTTP", async () => {
  await client.workers.register({ worker_id: "press", capabilities: ["print"], max_concurrent_tasks: 2 });
  // One of our own is known from its first heartbeat on.
  await untilTrue(
    async () => (await client.workers.list()).some(({ kind }) => kind === "embedded"),
    30_000,
    "our own worker",
  );
  const { stdout, status } = await millrace("workers");
  expect(status).toBe(0);
  expect(stdout).toMatch(/^WORKER +KIND +STATUS +RUNNING/);
  expect(stdout).toMatch(/^press +http +active +0\/2 .* print$/m);
  expect(stdout).toMatch(/embedded +active/);
  const { items } = JSON.parse((await millrace("workers", "ls", "--json")).stdout);
  expect(items.map((worker: { kind: string }) => worker.kind).toSorted()).toContain("http");
});

test("one of our own is drained and resumed, and the table says so", async () => {
  const { items } = JSON.parse((await millrace("workers", "ls", "--json")).stdout);
  const id: string = items.find((worker: { kind: string }) => worker.kind === "embedded").worker_id;
  const untilShown = (status: string) =>
    untilTrue(async () => (await client.workers.get(id)).status === status, 30_000, status);
  expect((await millrace("workers", "drain", id)).stdout).toBe(`${id} is given nothing new\n`);
  await untilShown("draining");
  expect((await millrace("workers")).stdout).toMatch(/embedded +draining/);
  expect((await millrace("workers", "resume", id)).stdout).toBe(`${id} is given tasks again\n`);
  await untilShown("active");
  expect((await millrace("workers", "resume", "nobody")).status).not.toBe(0);
});

test("a worker is drained, an unknown one and an unknown word are refused", async () => {
  expect((await millrace("workers", "drain", "press")).stdout).toBe("press is given nothing new\n");
  const leased = await client.workers.lease("press", { max_tasks: 1, wait_seconds: 0 });
  expect(leased).toMatchObject({ tasks: [], drain: true });
  expect((await millrace("workers", "drain", "nobody")).status).not.toBe(0);
  expect(await millrace("workers", "hire")).toMatchObject({
    status: 2,
    stderr: expect.stringContaining("ls, drain"),
  });
});
