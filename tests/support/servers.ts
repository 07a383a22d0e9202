import { join } from "node:path";
import { findNatsServer, type NatsServer } from "@millrace/stack/nats/find-nats-server";
import { natsMonitorUrl, natsProcess, natsUrl } from "@millrace/stack/nats/nats-process";
import { anyFreePort } from "@millrace/stack/ports";
import { databaseUrl, ensureDatabase } from "@millrace/stack/postgres/ensure-database";
import { isPostgresReady, preparePostgres } from "@millrace/stack/postgres/postgres-process";
import { removeStaleLock } from "@millrace/stack/process-folder";
import { answersOk } from "@millrace/stack/readiness";
import { migrate } from "@millrace/store";
import { SQL } from "bun";
import { scratch } from "./scratch.ts";
import { type ServerProcess, startServer } from "./server-process.ts";

const PROJECT = join(import.meta.dirname, "../..");
const PASSWORD = "only-for-tests";

/** A port on 127.0.0.1 that nothing listens on at this moment. */
export function freePort(): Promise<number> {
  return anyFreePort();
}

/** A new folder to be a MILLRACE_HOME, removed at the end of the run. */
export async function tempHome(): Promise<string> {
  return (await scratch()).folder("home");
}

export interface NatsUnderTest extends ServerProcess {
  /** With user and password. */
  readonly url: string;
  readonly monitorUrl: string;
}

const SERVER_CONF = join(PROJECT, "nats/server.conf");

async function withoutSync(folder: string): Promise<string> {
  const path = join(folder, "server.conf");
  const text = await Bun.file(SERVER_CONF).text();
  await Bun.write(path, text.replace(/^\s*sync_interval:.*$/m, ""));
  return path;
}

let natsServer: Promise<NatsServer> | undefined;

export interface NatsOptions {
  readonly user?: string;
  /** False: it acknowledges before it has written to the disk, which services refuse. */
  readonly doesSyncAlways?: boolean;
}

/** A nats-server of the test's own, as the product configures it. It is stopped at the end of the run, if not before. */
export async function startNats({
  user = "tester",
  doesSyncAlways = true,
}: NatsOptions = {}): Promise<NatsUnderTest> {
  const { folder } = await scratch();
  natsServer ??= findNatsServer({ env: process.env, fallbackFolder: folder("cache"), say: sayOnTerminal });
  const place = {
    binary: (await natsServer).path,
    configPath: doesSyncAlways ? SERVER_CONF : await withoutSync(folder("conf")),
    storeFolder: folder("nats"),
    port: await anyFreePort(),
    monitorPort: await anyFreePort(),
    user,
    password: PASSWORD,
  };
  const health = `${natsMonitorUrl(place)}/healthz`;
  const server = await startServer(natsProcess(place), () => answersOk(health));
  return extend(server, { url: natsUrl(place), monitorUrl: natsMonitorUrl(place) });
}

function sayOnTerminal(line: string): void {
  process.stderr.write(`${line}\n`);
}

export interface PostgresUnderTest extends ServerProcess {
  /** An empty database, as the role that owns it and may make others. */
  readonly url: string;
}

/** A PostgreSQL of the test's own, durable as in the product, to be killed and restarted. Takes a second: prefer freshDatabase. */
export function startPostgres(): Promise<PostgresUnderTest> {
  return runPostgres(false);
}

async function runPostgres(isScratch: boolean): Promise<PostgresUnderTest> {
  const { folder } = await scratch();
  const base = folder("postgres");
  const dataFolder = join(base, "data");
  const port = await anyFreePort();
  const { process: spec } = await preparePostgres({
    ...{ dataFolder, port, superPassword: PASSWORD, copiesFolder: join(base, "copies"), isScratch },
  });
  const server = await startServer(spec, (pid) => isPostgresReady(dataFolder, pid));
  const wish = {
    port,
    superPassword: PASSWORD,
    name: "tester",
    password: PASSWORD,
    canCreateDatabases: true,
  };
  await ensureDatabase(wish);
  return extend(server, {
    url: databaseUrl(wish),
    restart: async () => {
      await server.stop();
      removeStaleLock(dataFolder);
      await server.restart();
    },
  });
}

let shared: Promise<PostgresUnderTest> | undefined;

/** The one PostgreSQL of this test run, for tests that do not kill it. Started by the first caller. */
export function sharedPostgres(): Promise<PostgresUnderTest> {
  shared ??= runPostgres(true);
  return shared;
}

export interface FreshDatabase {
  readonly url: string;
  /** Also ends whatever is still connected. Not needed at the end of the run. */
  drop(): Promise<void>;
}

export interface FreshDatabaseOptions {
  /** With the newest schema: copied from a database that was migrated once. */
  readonly migrated?: boolean;
}

let databases = 0;
let migratedTemplate: Promise<string> | undefined;

/** A new database on the shared PostgreSQL, so that tests need not clean up after each other. */
export async function freshDatabase({ migrated = false }: FreshDatabaseOptions = {}): Promise<FreshDatabase> {
  if (!migrated) return createDatabase("template1");
  migratedTemplate ??= makeTemplate();
  return createDatabase(await migratedTemplate);
}

async function makeTemplate(): Promise<string> {
  const { url } = await createDatabase("template1");
  await migrate(url);
  return new URL(url).pathname.slice(1);
}

/** One copy at a time: PostgreSQL refuses to copy a database that is being copied. */
let lastCopy: Promise<unknown> = Promise.resolve();

async function createDatabase(template: string): Promise<FreshDatabase> {
  const { url } = await sharedPostgres();
  databases += 1;
  const name = `test_${databases}`;
  // File by file: by way of the log, which is the default, a copy writes ten megabytes more and takes up the cache.
  const statement = `create database ${name} template ${template} strategy file_copy`;
  const copy = lastCopy.then(() => execute(url, statement));
  lastCopy = copy.catch(() => undefined);
  await copy;
  const own = new URL(url);
  own.pathname = `/${name}`;
  return { url: own.href, drop: () => dropDatabase(url, name) };
}

const DROP_TRIES_MAX = 50;

/** Autovacuum may be at work in it, and only a superuser may end that: then it is tried again a moment later. */
async function dropDatabase(url: string, name: string): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await execute(url, `drop database if exists ${name} with (force)`);
    } catch (error) {
      const isInUse = error instanceof SQL.PostgresError && error.errno === "42501";
      if (!isInUse || tries >= DROP_TRIES_MAX) throw error;
      await Bun.sleep(100);
    }
  }
}

async function execute(url: string, statement: string): Promise<void> {
  const sql = new SQL({ url, max: 1 });
  try {
    await sql.unsafe(statement);
  } finally {
    await sql.close({ timeout: 1 });
  }
}

/** Adds to a server without losing its getters, as spreading would. */
function extend<T extends object>(server: ServerProcess, more: T): ServerProcess & T {
  return Object.assign(Object.create(server), more);
}
