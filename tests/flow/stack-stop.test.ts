import { beforeAll, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { freshDatabase, startNats, tempHome } from "../support/servers.ts";
import { eventually, isAllGone, startStack } from "../support/stack-under-test.ts";

/** Services that behave badly on purpose; the servers are those of this test. */
const COMMAND = ["tests/support/fake-stack.ts"];
let servers: Record<string, string>;

beforeAll(async () => {
  const [nats, database] = await Promise.all([startNats(), freshDatabase()]);
  servers = { NATS_URL: nats.url, NATS_MONITOR_URL: nats.monitorUrl, DATABASE_URL: database.url };
}, 60_000);

async function start(behaviour: string) {
  const home = await tempHome();
  const stack = await startStack({ home, command: COMMAND, env: { ...servers, FAKE_BEHAVIOUR: behaviour } });
  return { home, stack };
}

test("servers that the environment names are used, and none is embedded", async () => {
  const { home, stack } = await start("polite");
  await stack.ready();
  expect(stack.run()).toMatchObject({
    nats_url: servers.NATS_URL,
    database_url: servers.DATABASE_URL,
    processes: [
      { name: "api", pid: expect.any(Number) },
      { name: "worker", pid: expect.any(Number) },
    ],
  });
  expect(existsSync(join(home, "postgres"))).toBe(false);
  stack.signal("SIGINT");
  expect(await stack.ended()).toMatchObject({ status: 0 });
}, 60_000);

test("a service that does not listen is killed, and the stop still takes less than ten seconds", async () => {
  const { home, stack } = await start("deaf");
  await stack.ready();
  const marks = stack.marks();
  stack.signal("SIGINT");
  await stack.line(/draining/);
  expect(existsSync(join(home, "run.json"))).toBe(false);
  const { status, tookMs } = await stack.ended();
  expect(status).toBe(0);
  expect(tookMs).toBeLessThan(10_000);
  expect(stack.lines.join("\n")).toMatch(/killed: api, worker/);
  expect(isAllGone(home, marks)).toBe(true);
}, 60_000);

test("a second Ctrl-C does not wait; the echo of the first one does", async () => {
  const { home, stack } = await start("deaf");
  await stack.ready();
  const marks = stack.marks();
  stack.signal("SIGINT");
  stack.signal("SIGINT"); // A wrapper passes on what the terminal has sent already.
  await stack.line(/draining/);
  const firstMs = performance.now();
  await eventually("half a second has passed", () => performance.now() - firstMs > 600);
  expect(stack.lines.join("\n")).not.toContain("stopping at once");
  stack.signal("SIGINT");
  const { tookMs } = await stack.ended();
  expect(tookMs).toBeLessThan(2_000);
  expect(stack.lines.join("\n")).toContain("stopping at once");
  expect(isAllGone(home, marks)).toBe(true);
}, 60_000);

test("a service that cannot start ends the start, with its own words", async () => {
  const { home, stack } = await start("crashing");
  expect((await stack.ended()).status).toBe(1);
  expect(stack.lines.join("\n")).toMatch(/does not start: it died 5 times[\s\S]*no luck today/);
  expect(existsSync(join(home, "run.json"))).toBe(false);
}, 60_000);

test("a service that refuses its configuration is not asked five times", async () => {
  const { stack } = await start("misconfigured");
  expect((await stack.ended()).status).toBe(1);
  expect(stack.lines.join("\n")).toMatch(/configuration is wrong[\s\S]*FAKE_BEHAVIOUR does not fit/);
}, 60_000);

test("a Ctrl-C during the start stops what was started, and leaves a home that starts again", async () => {
  const home = await tempHome();
  const first = await startStack({ home });
  await first.line(/^Millrace starts/);
  first.signal("SIGINT");
  expect((await first.ended()).status).toBe(0);
  expect(isAllGone(home, [])).toBe(true);
  const second = await startStack({ home });
  await second.ready();
  second.signal("SIGTERM");
  expect((await second.ended()).status).toBe(0);
}, 120_000);
