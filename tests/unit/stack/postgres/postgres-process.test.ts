import { expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isPostgresReady, preparePostgres } from "@millrace/stack/postgres/postgres-process";
import { removeStaleLock, stopProcessesIn } from "@millrace/stack/process-folder";
import { tempHome } from "../../../support/servers.ts";

const place = (home: string) => ({
  dataFolder: join(home, "postgres"),
  port: 5432,
  superPassword: "x",
  copiesFolder: join(home, "cache"),
  isScratch: true,
});

test("the data folder is made once, private, with the project's settings", async () => {
  const home = await tempHome();
  await preparePostgres(place(home));
  const dataFolder = join(home, "postgres");
  expect(statSync(dataFolder).mode & 0o777).toBe(0o700);
  const made = statSync(join(dataFolder, "PG_VERSION")).mtimeMs;
  await preparePostgres(place(home));
  expect(statSync(join(dataFolder, "PG_VERSION")).mtimeMs).toBe(made);
  const includes = readFileSync(join(dataFolder, "postgresql.conf"), "utf8").match(
    /^include 'millrace\.conf'$/gm,
  );
  expect(includes).toHaveLength(1);
});

test("what a start left half made is made anew", async () => {
  const home = await tempHome();
  mkdirSync(join(home, "postgres.new/base"), { recursive: true });
  await preparePostgres(place(home));
  expect(existsSync(join(home, "postgres/PG_VERSION"))).toBe(true);
  expect(existsSync(join(home, "postgres.new"))).toBe(false);
});

test("the data of another major version is refused with what to do", async () => {
  const home = await tempHome();
  mkdirSync(join(home, "postgres"));
  writeFileSync(join(home, "postgres/PG_VERSION"), "15\n");
  await expect(preparePostgres(place(home))).rejects.toThrow(/PostgreSQL 18 \(15\)[\s\S]*Dump it/);
});

test("a folder that is no data folder is left as it is", async () => {
  const home = await tempHome();
  mkdirSync(join(home, "postgres"));
  writeFileSync(join(home, "postgres/letter.txt"), "dear");
  await expect(preparePostgres(place(home))).rejects.toThrow(/not a data folder/);
  expect(readFileSync(join(home, "postgres/letter.txt"), "utf8")).toBe("dear");
});

test("ready is what the pid file of this very process says", async () => {
  const folder = await tempHome();
  const pidFile = (pid: number, state: string) =>
    writeFileSync(join(folder, "postmaster.pid"), `${pid}\n/data\n1\n5432\n\nlocalhost\n 1 2\n${state}   \n`);
  expect(isPostgresReady(folder, 7)).toBe(false);
  pidFile(7, "starting");
  expect(isPostgresReady(folder, 7)).toBe(false);
  pidFile(8, "ready");
  expect(isPostgresReady(folder, 7)).toBe(false);
  pidFile(7, "ready");
  expect(isPostgresReady(folder, 7)).toBe(true);
});

test("a lock file goes when nobody stands in the folder, and stays while somebody does", async () => {
  const folder = await tempHome();
  const lock = join(folder, "postmaster.pid");
  writeFileSync(lock, `${process.pid}\n`);
  const child = Bun.spawn(["sleep", "60"], { cwd: folder, stdio: ["ignore", "ignore", "ignore"] });
  removeStaleLock(folder);
  expect(existsSync(lock)).toBe(true);
  expect(await stopProcessesIn(folder)).toBe(1);
  expect(child.signalCode ?? (await child.exited)).toBeTruthy();
  removeStaleLock(folder);
  expect(existsSync(lock)).toBe(false);
});
