import { afterAll, beforeAll, expect, test } from "bun:test";
import { createServer, type Server, connect as tcpConnect } from "node:net";
import { openPool, type Sql } from "@millrace/store";
import { until } from "../../support/bus.ts";
import { type FreshDatabase, freshDatabase } from "../../support/servers.ts";

// What the patched client library does with connections that end. An error that nobody catches fails a test by itself.

let database: FreshDatabase;
let other: Sql;
beforeAll(async () => {
  database = await freshDatabase({ migrated: true });
  other = openPool({ url: database.url, max: 1, applicationName: "other" });
}, 60_000);
afterAll(async () => {
  await other.end({ timeout: 1 });
  await database.drop();
});

const failureOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => "done",
    (error: unknown) => (error as { code?: string }).code ?? error,
  );

test("a statement in a transaction whose connection is closed fails", async () => {
  const sql = openPool({ url: database.url, max: 1, applicationName: "victim" });
  const transaction = sql.begin(async (inner) => {
    const [{ pid } = { pid: 0 }] = await inner<{ pid: number }[]>`select pg_backend_pid() as pid`;
    await other`select pg_terminate_backend(${pid})`;
    await until("it has ended", async () => {
      const there = await other`select from pg_stat_activity where pid = ${pid}`;
      return there.length === 0;
    });
    for (const _ of [1, 2, 3]) await failureOf(inner`select 1`);
    await inner`select 1`;
  });
  expect(await failureOf(transaction)).toBeOneOf(["57P01", "CONNECTION_CLOSED", "ECONNRESET", "EPIPE"]);
  expect([...(await sql`select 2 as two`)]).toEqual([{ two: 2 }]);
  await sql.end({ timeout: 1 });
});

/** What a server says to a connection that somebody ends. */
const FIELDS = Buffer.from(
  "SFATAL\0VFATAL\0C57P01\0Mterminating connection due to administrator command\0\0",
);
const LENGTH = Buffer.alloc(4);
LENGTH.writeInt32BE(LENGTH.length + FIELDS.length);
const TERMINATED = Buffer.concat([Buffer.from("E"), LENGTH, FIELDS]);

/** Passes connections on to PostgreSQL, and ends those on which these bytes come by: `cuts` times. */
async function cuttingProxy(
  bytes: string,
  cuts: number,
): Promise<{ server: Server; url: string; left: () => number }> {
  const target = new URL(database.url);
  let left = cuts;
  const server = createServer((near) => {
    const far = tcpConnect({ host: target.hostname, port: Number(target.port) });
    const end = (): void => {
      near.destroy();
      far.destroy();
    };
    near.on("error", end).on("close", end);
    far.on("error", end).on("close", end);
    far.pipe(near);
    near.on("data", (chunk) => {
      if (left > 0 && chunk.includes(bytes)) {
        left -= 1;
        near.write(TERMINATED);
        near.end();
      } else far.write(chunk);
    });
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const url = Object.assign(new URL(database.url), { host: `127.0.0.1:${port}` }).href;
  return { server, url, left: () => left };
}

test("a connection that is ended while the library asks for the types of arrays fails what waits for it, and no more", async () => {
  const { server, url, left } = await cuttingProxy("pg_catalog.pg_type", 4);
  const sql = openPool({ url, max: 1, applicationName: "victim" });
  for (let round = 0; round < 4; round += 1)
    await failureOf(round % 2 === 0 ? sql`select 1` : sql.begin((inner) => inner`select 1`));
  await until("the cuts are used up", async () => {
    await failureOf(sql`select 1`);
    return left() === 0;
  });
  // Arrays are still arrays.
  expect([...(await sql`select ${[1, 2]}::bigint[] as numbers`)]).toEqual([{ numbers: [1, 2] }]);
  await sql.end({ timeout: 1 });
  server.close();
});

test("while connections are ended at random, every answer is its own question's, and what was told to be stored is", async () => {
  const sql = openPool({ url: database.url, max: 4, applicationName: "victim" });
  await other`create table if not exists told (n bigint primary key)`;
  const endsMs = performance.now() + 4_000;
  const wrong: unknown[] = [];
  const told: number[] = [];
  let next = 0;
  const ask = async (): Promise<void> => {
    while (performance.now() < endsMs) {
      const n = ++next;
      const answer = await sql<{ n: number }[]>`select ${n}::bigint as n, pg_sleep(0.001)`.catch(
        () => undefined,
      );
      if (answer !== undefined && (answer.length !== 1 || answer[0]?.n !== n)) wrong.push({ n, answer });
    }
  };
  const tell = async (): Promise<void> => {
    while (performance.now() < endsMs) {
      const n = ++next;
      const work = sql.begin(async (inner) => {
        await inner`select pg_sleep(0.001)`;
        await new Promise(setImmediate);
        await inner`insert into told (n) values (${n})`;
      });
      if ((await failureOf(work)) === "done") told.push(n);
    }
  };
  const end = async (): Promise<void> => {
    while (performance.now() < endsMs) {
      await other`select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'victim' order by random() limit 1`;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  await Promise.all([ask(), ask(), ask(), tell(), tell(), tell(), end()]);
  expect(wrong).toEqual([]);
  const [stored] = await other<
    { n: number }[]
  >`select count(*) as n from told where n = any(${told}::bigint[])`;
  expect(stored?.n).toBe(told.length);
  // Each connection of the pool is well again.
  const answers = await Promise.all(
    Array.from({ length: 40 }, (_, n) => sql`select ${n}::int as n, pg_sleep(0.01)`),
  );
  expect(answers.map(([row]) => row?.n)).toEqual(Array.from({ length: 40 }, (_, n) => n));
  await sql.end({ timeout: 1 });
});
