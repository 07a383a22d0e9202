import { beforeAll, expect, test } from "bun:test";
import { type CliRun, runCli } from "../support/run-cli.ts";
import { tempHome } from "../support/servers.ts";
import { eventually, startStack } from "../support/stack-under-test.ts";

/** An operator stops calls to a host, sees who waits for it and why, and limits a tenant. */
let home = "";

beforeAll(async () => {
  home = await tempHome();
  await (await startStack({ home })).ready();
}, 90_000);

function millrace(...args: readonly string[]): Promise<CliRun> {
  return runCli(args, { env: { MILLRACE_HOME: home } });
}

const ORIGIN = "http://127.0.0.1:9";

test("a host is closed off, its tasks wait and say why, and go on when it is reset", async () => {
  expect((await millrace("breakers")).stdout).toBe("no host has failed\n");
  const opened = await millrace("breakers", "open", ORIGIN, "--reason", "they asked us to");
  expect(opened).toMatchObject({ status: 0, stdout: `${ORIGIN} is forced open\n` });
  const payload = JSON.stringify({ url: `${ORIGIN}/x`, method: "GET" });
  const submitted = await millrace("submit", "http.request", "--payload", payload, "--id", "waits", "--json");
  expect(submitted.status).toBe(0);
  await eventually("it waits for the breaker", async () =>
    (await millrace("why", "waits")).stdout.startsWith("breaker: An operator has stopped calls to"),
  );
  const { stdout } = await millrace("why", "waits", "--json");
  expect(JSON.parse(stdout)).toMatchObject({ reason: "breaker", details: { origin: ORIGIN } });
  expect((await millrace("breakers", "ls")).stdout).toMatch(
    /^http:\S+ +forced open +\S+ +1 +- +they asked us to/m,
  );
  expect((await millrace("breakers", "reset", ORIGIN)).stdout).toBe(`${ORIGIN} is closed\n`);
  await eventually("it goes on", async () => !(await millrace("why", "waits")).stdout.startsWith("breaker"));
});

test("a tenant is limited, shown, and let go", async () => {
  expect((await millrace("limits")).stdout).toBe("no limits\n");
  const set = await millrace("limits", "set", "tenant", "acme", "--rate", "5", "--concurrent", "2");
  expect(set.status).toBe(0);
  expect((await millrace("limits", "ls")).stdout).toMatch(/^tenant +acme +5 +- +2$/m);
  expect((await millrace("limits", "rm", "tenant", "acme")).stdout).toBe("tenant acme is not limited\n");
  expect((await millrace("limits", "rm", "tenant", "acme")).status).toBe(1);
});

test("words that make no sense are refused", async () => {
  for (const args of [
    ["breakers", "shut", ORIGIN],
    ["limits", "set", "planet", "x"],
    ["limits", "set", "type", "x", "--rate", "much"],
    ["why"],
  ])
    expect([args, (await millrace(...args)).status]).toEqual([args, 2]);
  expect((await millrace("breakers", "open", "example.org")).status).toBe(2);
});
