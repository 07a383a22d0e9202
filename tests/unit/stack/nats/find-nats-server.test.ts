import { expect, test } from "bun:test";
import { chmodSync, existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { findNatsServer, type NatsOrigin } from "@millrace/stack/nats/find-nats-server";
import { tempHome } from "../../../support/servers.ts";

function fake(path: string, version: string): string {
  writeFileSync(path, `#!/bin/sh\necho 'nats-server: v${version}'\n`);
  chmodSync(path, 0o755);
  return path;
}

function origin(version: string, calls: string[] = []): NatsOrigin {
  return {
    name: `origin of ${version}`,
    fetch: async (_folder, to) => {
      calls.push(version);
      fake(to, version);
    },
  };
}

const broken: NatsOrigin = {
  name: "broken origin",
  fetch: () => Promise.reject(new Error("no route to host")),
};

async function search(more: { env?: Record<string, string>; origins?: readonly NatsOrigin[] } = {}) {
  const home = await tempHome();
  const said: string[] = [];
  const found = () =>
    findNatsServer({
      env: { XDG_CACHE_HOME: join(home, "cache"), PATH: "", ...more.env },
      fallbackFolder: join(home, "fallback"),
      say: (line) => said.push(line),
      origins: more.origins ?? [],
    });
  return { home, said, found };
}

test("the one that is named wins, and nothing is fetched", async () => {
  const path = fake(join(await tempHome(), "mine"), "2.14.2");
  const { found, said } = await search({ env: { NATS_SERVER_BIN: path }, origins: [origin("2.15.1")] });
  expect(await found()).toEqual({ path, version: "2.14.2" });
  expect(said).toEqual([]);
});

test.each([["2.10.27", /2\.10\.27; 2\.14\.0 or newer/]])(
  "a named one of version %s is refused, not replaced",
  async (version, message) => {
    const path = fake(join(await tempHome(), "mine"), version);
    const { found } = await search({ env: { NATS_SERVER_BIN: path }, origins: [origin("2.15.1")] });
    await expect(found()).rejects.toThrow(message);
  },
);

test("a named one that does not exist is refused", async () => {
  const { found } = await search({ env: { NATS_SERVER_BIN: "/nowhere/nats-server" } });
  await expect(found()).rejects.toThrow(/NATS_SERVER_BIN=\/nowhere/);
});

test("one on PATH is used when it is new enough", async () => {
  const folder = await tempHome();
  const path = fake(join(folder, "nats-server"), "2.15.0");
  const { found } = await search({ env: { PATH: folder } });
  expect(await found()).toEqual({ path, version: "2.15.0" });
});

test("one on PATH that is too old is passed over", async () => {
  const folder = await tempHome();
  fake(join(folder, "nats-server"), "2.10.27");
  const { found, home } = await search({ env: { PATH: folder }, origins: [origin("2.15.1")] });
  expect(await found()).toEqual({ path: join(home, "cache/millrace/nats-server"), version: "2.15.1" });
});

test("what was fetched once is not fetched again", async () => {
  const calls: string[] = [];
  const { found } = await search({ origins: [origin("2.15.1", calls)] });
  const first = await found();
  expect(await found()).toEqual(first);
  expect(calls).toEqual(["2.15.1"]);
});

test("two that look at the same moment fetch once", async () => {
  const calls: string[] = [];
  const { found } = await search({ origins: [origin("2.15.1", calls)] });
  const [one, two] = await Promise.all([found(), found()]);
  expect(one).toEqual(two);
  expect(calls).toHaveLength(1);
});

test("when one origin fails the next is tried, and no half of anything stays", async () => {
  const { found, home, said } = await search({ origins: [broken, origin("2.15.1")] });
  expect((await found()).version).toBe("2.15.1");
  expect(said.join("\n")).toContain("no route to host");
  expect(readdirSync(join(home, "cache/millrace")).filter((name) => name.startsWith("fetching"))).toEqual([]);
});

test("an origin that brings an old server, or no server, counts as failed", async () => {
  const { found, home } = await search({
    origins: [origin("2.9.0"), { ...broken, fetch: async (_folder, to) => writeFileSync(to, "x") }],
  });
  await expect(found()).rejects.toThrow(/2\.9\.0[\s\S]*unknown/);
  expect(existsSync(join(home, "cache/millrace/nats-server"))).toBe(false);
});

test("when everything fails, each failure and each way out is named", async () => {
  const { found } = await search({ origins: [broken] });
  await expect(found()).rejects.toThrow(
    /broken origin: no route to host[\s\S]*NATS_SERVER_BIN[\s\S]*NATS_URL/,
  );
});

test("a cache that cannot be written is replaced by the home", async () => {
  const file = join(await tempHome(), "file");
  writeFileSync(file, "a file is no folder");
  const { found, home } = await search({ env: { XDG_CACHE_HOME: file }, origins: [origin("2.15.1")] });
  expect((await found()).path).toBe(join(home, "fallback/nats-server"));
});

test("without any place to keep it, the places are named", async () => {
  const home = await tempHome();
  const file = join(home, "file");
  writeFileSync(file, "");
  mkdirSync(join(home, "x"));
  const lost = findNatsServer({
    env: { XDG_CACHE_HOME: file, PATH: "" },
    fallbackFolder: join(file, "deeper"),
    say: () => {},
    origins: [origin("2.15.1")],
  });
  await expect(lost).rejects.toThrow(/cannot write to/);
});
