import { expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { runCli } from "../support/run-cli.ts";
import { freePort, tempHome } from "../support/servers.ts";

/** What a person is told who has started nothing yet, or something else. */

test("without a stack the exit status is 3, and the message says how to start one", async () => {
  const { status, stderr } = await runCli(["ls"], { env: { MILLRACE_HOME: await tempHome() } });
  expect(status).toBe(3);
  expect(stderr).toContain("bun start");
  expect(stderr).toContain("MILLRACE_URL");
});

test("a stack that does not answer ends with 3 and is named", async () => {
  const url = `http://127.0.0.1:${await freePort()}`;
  const { status, stderr } = await runCli(["ls"], { env: { MILLRACE_URL: url, MILLRACE_API_KEY: "k" } });
  expect(status).toBe(3);
  expect(stderr).toContain(url);
});

test("an address that is none ends with 3 and says what one looks like", async () => {
  const { status, stderr } = await runCli(["ls"], { env: { MILLRACE_URL: "localhost" } });
  expect(status).toBe(3);
  expect(stderr).toContain("http://127.0.0.1:8000");
});

test("a run.json that is damaged is told, and not guessed at", async () => {
  const home = await tempHome();
  mkdirSync(home, { recursive: true });
  for (const text of ["", "{", "[]", '{"api_url":7,"api_key":"k"}']) {
    writeFileSync(join(home, "run.json"), text);
    const { status, stderr } = await runCli(["ls"], { env: { MILLRACE_HOME: home } });
    expect(status).toBe(3);
    expect(stderr).toContain("cannot be read");
  }
});

test("MILLRACE_URL goes before the stack that runs here, and something else than the API there is told", async () => {
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: () => new Response("<title>Router</title>"),
  });
  const home = await tempHome();
  writeFileSync(join(home, "run.json"), '{"api_url":"http://127.0.0.1:1","api_key":"k"}');
  const env = { MILLRACE_HOME: home, MILLRACE_URL: server.url.href };
  const { status, stderr } = await runCli(["ls"], { env });
  await server.stop(true);
  expect(status).toBe(1);
  expect(stderr).toContain("Router");
});

test("help needs no stack: each command tells what it takes", async () => {
  const env = { MILLRACE_HOME: await tempHome() };
  const { stdout } = await runCli(["--help"], { env });
  for (const name of ["submit", "get", "ls", "cancel", "retry", "dlq", "demo", "up"]) {
    expect(stdout).toContain(`  ${name} `);
    const help = await runCli([name, "--help"], { env });
    expect(help.status).toBe(0);
    expect(help.stdout).toContain(`millrace ${name}`);
  }
});
