import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { SQL } from "bun";
import { tempHome } from "../support/servers.ts";
import { isAllGone, type StackUnderTest, startStack } from "../support/stack-under-test.ts";

/** From nothing to ready includes an initdb; on a busy machine also some waiting for its turn. */
const START_MS = 90_000;

describe("a stack that was started with one command", () => {
  let home: string;
  let stack: StackUnderTest;
  let url: string;
  beforeAll(async () => {
    home = await tempHome();
    stack = await startStack({ home });
    url = await stack.ready();
  }, START_MS);
  afterAll(() => stack.signal("SIGTERM"));

  test("ends its start with the line `ready <url>`", () => {
    expect(stack.lines.at(-1)).toMatch(/^ready http:\/\/127\.0\.0\.1:\d+$/);
  });

  test("prints no password and no key", () => {
    const secrets: Record<string, string> = JSON.parse(readFileSync(join(home, "secrets.json"), "utf8"));
    const said = stack.lines.join("\n");
    for (const [name, value] of Object.entries(secrets))
      if (name !== "adminEmail") expect(said).not.toContain(value);
  });

  test("says in run.json where everything is, for its owner alone", () => {
    const text = expect.any(String);
    expect(stack.run()).toEqual({
      api_url: url,
      nats_url: expect.stringMatching(/^nats:\/\/\w+:.+@127\.0\.0\.1:\d+$/),
      nats_monitor_url: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/),
      database_url: expect.stringMatching(/^postgres:\/\/\w+:.+@127\.0\.0\.1:\d+\/\w+$/),
      admin: { email: expect.stringContaining("@"), password: text },
      api_key: text,
      processes: expect.arrayContaining(
        ["nats", "postgres", "api", "recorder", "scheduler", "worker"].map((name) => ({
          name,
          pid: expect.any(Number),
        })),
      ),
    });
    expect(statSync(join(home, "run.json")).mode & 0o777).toBe(0o600);
  });

  test("has servers and services that say they are ready", async () => {
    const { api_url, nats_monitor_url } = stack.run();
    expect((await fetch(`${api_url}/health/ready`)).status).toBe(200);
    expect(await (await fetch(`${nats_monitor_url}/jsz`)).json()).toMatchObject({
      config: { sync_always: true },
    });
  });

  test("knows the administrator and the API key in run.json", async () => {
    const { admin, api_key, api_url } = stack.run();
    const login = await fetch(`${api_url}/api/auth/login`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(admin),
    });
    expect(login.status).toBe(200);
    const me = await fetch(`${api_url}/api/auth/me`, { headers: { Authorization: `Bearer ${api_key}` } });
    expect(me.status).toBe(200);
  });

  test("gives its services a role that is no superuser", async () => {
    const sql = new SQL({ url: stack.run().database_url, max: 1 });
    const [row] = await sql`select rolsuper, rolcreaterole from pg_roles where rolname = current_user`;
    await sql.close();
    expect(row).toEqual({ rolsuper: false, rolcreaterole: false });
  });

  test("refuses a second start in the same home, and is not disturbed by it", async () => {
    const second = await startStack({ home });
    await second.line(/already running/);
    expect((await second.ended()).status).toBe(1);
    expect(second.lines.join("\n")).toContain(url);
    expect((await fetch(`${url}/health/ready`)).status).toBe(200);
    expect(stack.run().api_url).toBe(url);
  });
});

test(
  "what was stored is there again after a stop and a start, and the first administrator stays the same",
  async () => {
    const home = await tempHome();
    const first = await startStack({ home });
    await first.ready();
    const before = first.run();
    const email = "somebody@example.com";
    const body = JSON.stringify({ email, password: "long-enough-for-anybody" });
    const headers = { "Content-Type": "application/json" };
    expect(
      (await fetch(`${before.api_url}/api/auth/register`, { method: "POST", headers, body })).status,
    ).toBe(201);
    const marks = first.marks();
    first.signal("SIGINT");
    expect(await first.ended()).toMatchObject({ status: 0, tookMs: expect.any(Number) });
    expect(isAllGone(home, marks)).toBe(true);
    expect(existsSync(join(home, "run.json"))).toBe(false);

    const second = await startStack({ home });
    await second.ready();
    const after = second.run();
    expect({ admin: after.admin, api_key: after.api_key }).toEqual({
      admin: before.admin,
      api_key: before.api_key,
    });
    expect((await fetch(`${after.api_url}/api/auth/login`, { method: "POST", headers, body })).status).toBe(
      200,
    );
    second.signal("SIGTERM");
    expect((await second.ended()).status).toBe(0);
  },
  2 * START_MS,
);

test(
  "two stacks side by side have different ports and data, also when both want the same port",
  async () => {
    const blocker = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: () => {} } });
    const env = { API_PORT: String(blocker.port) };
    const stacks = await Promise.all(
      [tempHome(), tempHome()].map(async (home) => startStack({ home: await home, env })),
    );
    const urls = await Promise.all(stacks.map((stack) => stack.ready()));
    for (const stack of stacks)
      await stack.line(new RegExp(`api: port ${blocker.port} is taken, using \\d+`));
    const runs = stacks.map((stack) => stack.run());
    for (const key of ["api_url", "nats_url", "nats_monitor_url", "database_url", "api_key"] as const)
      expect(runs[0]?.[key]).not.toBe(runs[1]?.[key]);
    for (const url of urls) expect((await fetch(`${url}/health/ready`)).status).toBe(200);
    for (const stack of stacks) stack.signal("SIGTERM");
    for (const stack of stacks) expect((await stack.ended()).status).toBe(0);
    blocker.stop(true);
  },
  2 * START_MS,
);

test("a wrong configuration is refused as a whole before anything starts", async () => {
  const home = await tempHome();
  const stack = await startStack({ home, env: { API_PORT: "eighty", MAX_WORKERS: "0" } });
  expect((await stack.ended()).status).toBe(2);
  expect(stack.lines.join("\n")).toMatch(/API_PORT[\s\S]*MAX_WORKERS/);
  expect(existsSync(join(home, "postgres"))).toBe(false);
});
