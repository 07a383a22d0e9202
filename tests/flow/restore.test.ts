import { expect, setDefaultTimeout, test } from "bun:test";
import { chown, copyFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { SQL } from "bun";
import { until } from "../support/bus.ts";
import { type NatsUnderTest, startNats, tempHome } from "../support/servers.ts";
import { startTaskStack, type TaskStack } from "../support/task-stack.ts";

setDefaultTimeout(240_000);

const DEADLINE_MS = 60_000;

function startOn(nats: NatsUnderTest, env: Readonly<Record<string, string>> = {}): Promise<TaskStack> {
  return startTaskStack({ NATS_URL: nats.url, NATS_MONITOR_URL: nats.monitorUrl, ...env });
}

/**
 * A base backup by PostgreSQL's own means, as `pg_basebackup` does it: the folder is copied while the server writes, and
 * the WAL of that time makes it whole. Into a new home, with the passwords that belong to it.
 */
async function backUp(stack: TaskStack): Promise<string> {
  const home = await tempHome();
  const { database_url } = await stack.run();
  const secrets = await Bun.file(join(stack.home, "secrets.json")).json();
  const url = new URL(database_url);
  url.username = "postgres";
  url.password = secrets.postgresPassword;
  url.pathname = "/postgres";
  const sql = new SQL({ url: url.href, max: 1 });
  const [from, to] = [join(stack.home, "postgres"), join(home, "postgres")];
  try {
    await sql`select pg_backup_start('restore test', true)`;
    // Files come and go while they are copied: that is what the WAL is for.
    await Bun.$`cp -a ${from} ${to}`.nothrow().quiet();
    const [stop] = await sql`select labelfile from pg_backup_stop(false)`;
    await rm(join(to, "pg_wal"), { recursive: true });
    await Bun.$`cp -a ${join(from, "pg_wal")} ${join(to, "pg_wal")}`.quiet();
    await writeFile(join(to, "backup_label"), String(stop.labelfile));
    // The server writes into it: whose the data is, is whose this is.
    const { uid, gid } = await stat(to);
    await chown(join(to, "backup_label"), uid, gid);
    for (const name of ["postmaster.pid", "postmaster.opts"]) await rm(join(to, name), { force: true });
  } finally {
    await sql.close();
  }
  await copyFile(join(stack.home, "secrets.json"), join(home, "secrets.json"));
  return home;
}

async function send(stack: TaskStack, name: string, count: number): Promise<void> {
  const lines = Array.from({ length: count }, (_, n) => JSON.stringify({ type: name, message: `${n}` }));
  const { status, body } = await stack.raw("POST", "/api/events", {
    token: stack.apiKey,
    headers: { "Content-Type": "application/x-ndjson" },
    body: lines.join("\n"),
  });
  expect({ status, accepted: body.accepted }).toEqual({ status: 202, accepted: count });
}

async function countOf(stack: TaskStack, type: string): Promise<number> {
  const [row] = await stack.sql<{ count: number }[]>`select count(*)::int from events where type = ${type}`;
  return row?.count ?? 0;
}

const quick = (taskId: string) => ({
  task_id: taskId,
  task_type: "simulate",
  payload: { failure_rate: 0, duration_ms: 1 },
});

test("what deploy/README.md says of a restore holds: events are whole again, open tasks run, ended ones stay ended", async () => {
  const nats = await startNats();
  const before = await startOn(nats);
  await send(before, "before", 300);
  await until("they are stored", async () => (await countOf(before, "before")) === 300);
  await before.submit(quick("done-before"));
  await before.untilEnded("done-before", DEADLINE_MS);
  // These wait behind a pause while the backup is made, and run to their end after it.
  expect((await before.call("POST", "/api/queues/short/pause")).status).toBe(200);
  await before.submitAll(Array.from({ length: 20 }, (_, n) => quick(`open-${n}`)));

  const home = await backUp(before);

  await send(before, "after", 200);
  await until("they are stored", async () => (await countOf(before, "after")) === 200);
  expect((await before.call("POST", "/api/queues/short/resume")).status).toBe(200);
  await before.untilNoneOpen("open-", DEADLINE_MS);
  await before.submit(quick("lost"));
  await before.untilEnded("lost", DEADLINE_MS);
  // Steps 1, 3 and 4: stop, forget what TASKS says of another time, read EVENTS from its beginning.
  await before.bus.manager.streams.delete("TASKS");
  await before.bus.manager.consumers.delete("EVENTS", "recorder");
  await before.close();

  // Steps 2 and 5, which migrates.
  const restored = await startOn(nats, { MILLRACE_HOME: home });
  expect((await restored.show("done-before")).status).toBe("completed");
  expect((await restored.call("GET", "/api/tasks/lost")).status).toBe(404);
  await until(
    "what came after the backup is stored again",
    async () => (await countOf(restored, "after")) === 200,
  );
  expect(await countOf(restored, "before")).toBe(300);
  expect((await restored.call("POST", "/api/queues/short/resume")).status).toBe(200);
  await restored.untilNoneOpen("open-", DEADLINE_MS);
  for (const n of [0, 7, 19]) expect((await restored.show(`open-${n}`)).status).toBe("completed");
  // It takes in and does as before.
  await restored.submit(quick("new"));
  expect((await restored.untilEnded("new", DEADLINE_MS)).status).toBe("completed");
  await restored.close();
  await nats.stop();
});
