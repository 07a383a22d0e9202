import { afterAll, beforeAll, expect, test } from "bun:test";
import { ADMIN, callWith, JWT_SECRET, signIn } from "../support/api.ts";
import { freshDatabase, startNats } from "../support/servers.ts";

const MAIN = new URL("../../apps/api/main.ts", import.meta.url).pathname;

let database: Awaited<ReturnType<typeof freshDatabase>>;
let nats: Awaited<ReturnType<typeof startNats>>;
beforeAll(async () => {
  [database, nats] = await Promise.all([freshDatabase({ migrated: true }), startNats()]);
}, 60_000);
afterAll(async () => {
  await nats.stop();
  await database.drop();
});

function spawnApi(environment: Record<string, string>) {
  return Bun.spawn([process.execPath, MAIN], {
    env: { PATH: "/usr/bin:/bin", API_PORT: "0", LOG_FORMAT: "json", ...environment },
    stdout: "pipe",
    stderr: "pipe",
  });
}

const settings = () => ({
  DATABASE_URL: database.url,
  NATS_URL: nats.url,
  JWT_SECRET,
  ADMIN_EMAIL: ADMIN.email,
  ADMIN_PASSWORD: ADMIN.password,
  ADMIN_API_KEY: ADMIN.apiKey,
});

type Line = Readonly<Record<string, unknown>>;

/** Log lines as they come, up to the first with this message. */
async function readUntil(lines: AsyncIterator<Line>, message: string): Promise<Line> {
  for (;;) {
    const { value, done } = await lines.next();
    if (done === true) throw new Error(`the process ended before it said "${message}"`);
    if (value.message === message) return value;
  }
}

async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<Line> {
  const utf8 = new TextDecoder();
  let rest = "";
  for await (const chunk of stream) {
    const parts = (rest + utf8.decode(chunk, { stream: true })).split("\n");
    rest = parts.pop() ?? "";
    for (const part of parts) yield JSON.parse(part) as Line;
  }
}

test("the process creates its administrator, listens, serves, finishes what it began when told to stop, and ends with 0", async () => {
  const api = spawnApi(settings());
  const lines = linesOf(api.stdout);
  const { url } = await readUntil(lines, "listening");
  const call = callWith((request) => fetch(request), String(url));

  const ready = await call("GET", "/health/ready");
  expect(ready.body).toEqual({
    status: "ready",
    checks: { postgres: { status: "up" }, nats: { status: "up" }, storage: { status: "up" } },
  });
  const { accessToken } = await signIn(call, ADMIN.email, ADMIN.password);
  expect((await call("GET", "/api/auth/me", { token: ADMIN.apiKey })).body.role).toBe("admin");

  // A login takes tens of milliseconds, so it is under way when the signal arrives.
  const underWay = signIn(call, ADMIN.email, ADMIN.password);
  await call("GET", "/health/live");
  api.kill("SIGTERM");
  expect((await underWay).accessToken).toStartWith("eyJ");
  expect(await readUntil(lines, "stopped")).toMatchObject({ cut_off: false });
  expect(await api.exited).toBe(0);
  expect(await call("GET", "/api/auth/me", { token: accessToken }).catch(() => "refused")).toBe("refused");
}, 30_000);

test("a process without what it needs names all of it, and ends with 2", async () => {
  const api = spawnApi({ API_PORT: "eighty" });
  const text = await new Response(api.stderr).text();
  expect(await api.exited).toBe(2);
  for (const name of ["API_PORT", "DATABASE_URL", "NATS_URL", "JWT_SECRET"]) expect(text).toContain(name);
}, 30_000);

test("a process whose port is taken says so, and ends with 1", async () => {
  const holder = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response() });
  const api = spawnApi({ ...settings(), API_PORT: String(holder.port) });
  const text = await new Response(api.stdout).text();
  expect(await api.exited).toBe(1);
  expect(text).toContain('"level":"CRITICAL"');
  await holder.stop(true);
}, 30_000);

test("migrating is a process of its own, which several may run at once", async () => {
  const fresh = await freshDatabase();
  const main = new URL("../../packages/store/migrate-main.ts", import.meta.url).pathname;
  const runs = Array.from({ length: 3 }, () =>
    Bun.spawn([process.execPath, main], { env: { DATABASE_URL: fresh.url }, stdout: "pipe", stderr: "pipe" }),
  );
  expect(await Promise.all(runs.map(({ exited }) => exited))).toEqual([0, 0, 0]);
  const texts = await Promise.all(runs.map(({ stdout }) => new Response(stdout).text()));
  expect(texts.filter((text) => text.includes("0001_identity.sql"))).toHaveLength(1);
  expect(texts.filter((text) => text === "schema is up to date\n")).toHaveLength(2);
  await fresh.drop();

  const lost = Bun.spawn([process.execPath, main], { env: {}, stdout: "pipe", stderr: "pipe" });
  expect([await lost.exited, await new Response(lost.stderr).text()]).toEqual([
    2,
    expect.stringContaining("DATABASE_URL"),
  ]);
}, 30_000);
