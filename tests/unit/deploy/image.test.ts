import { expect, test } from "bun:test";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { VARIABLES } from "@millrace/config";
import { DEPLOY, PROJECT, readText } from "../../support/deploy-files.ts";

const dockerfile = readText("deploy/Dockerfile");
const entry = join(DEPLOY, "image/entry.sh");
/** Of the system, of Bun and of Node.js; all others are Millrace's. */
const FOREIGN = new Set(["PATH", "HOME", "NODE_ENV", "BUN_RUNTIME_TRANSPILER_CACHE_PATH", "DO_NOT_TRACK"]);

function run(command: readonly string[]) {
  const { exitCode, stdout, stderr } = Bun.spawnSync([...command]);
  return { status: exitCode, said: stdout.toString() + stderr.toString() };
}

test("the image copies the manifest of every workspace, without which the lock file does not fit", () => {
  const manifests = ["apps", "packages"]
    .flatMap((group) => readdirSync(join(PROJECT, group)).map((name) => `${group}/${name}`))
    .concat("tests")
    .filter((folder) => existsSync(join(PROJECT, folder, "package.json")));
  expect(manifests.length).toBeGreaterThan(10);
  const copied = [...dockerfile.matchAll(/^COPY (\S+)\/package\.json \S+$/gm)].map(
    ([, folder = ""]) => folder,
  );
  expect(copied.sort()).toEqual(manifests.sort());
});

test("every patch that the installation needs lies in what is copied before it", () => {
  const { patchedDependencies } = JSON.parse(readText("package.json"));
  const folders = Object.values<string>(patchedDependencies).map((path) => path.replace(/\/[^/]+$/, ""));
  const before = dockerfile.slice(0, dockerfile.indexOf("RUN --mount"));
  expect(before).toContain("COPY package.json bun.lock");
  for (const folder of folders) expect(before).toContain(`COPY ${folder} ${folder}`);
});

test("what the image sets are variables that Millrace knows, or of the programs below it", () => {
  const known = new Set<string>(Object.values(VARIABLES).map(({ name }) => name));
  const block = /^ENV ((?:.*\\\n)*.*)$/m.exec(dockerfile)?.[1] ?? "";
  const set = [...block.matchAll(/([A-Z][A-Z0-9_]*)=/g)].map(([, name = ""]) => name);
  expect(set).toContain("API_HOST");
  expect(set.filter((name) => !known.has(name) && !FOREIGN.has(name))).toEqual([]);
});

test("every part that the entry point names is a program of the project", () => {
  const script = readText("deploy/image/entry.sh");
  const parts = /^ {2}([a-z |]+)\) main=apps\/\$part\/main\.ts/m.exec(script)?.[1]?.split(" | ") ?? [];
  expect(parts).toEqual(["api", "recorder", "scheduler", "worker"]);
  const mains = [...parts.map((part) => `apps/${part}/main.ts`)].concat(
    [...script.matchAll(/main=((?:apps|packages)\/[\w/-]+\.ts)/g)].map(([, path = ""]) => path),
  );
  expect(mains).toHaveLength(6);
  for (const path of mains) {
    expect({ path, isThere: existsSync(join(PROJECT, path)) }).toEqual({ path, isThere: true });
    const folder = path.startsWith("apps") ? path.split("/").slice(0, 2).join("/") : "packages";
    expect(dockerfile).toContain(`\nCOPY ${folder} ${folder}\n`);
  }
});

test("the entry point says what there is, and refuses what there is not", () => {
  expect(run([entry])).toMatchObject({
    status: 0,
    said: expect.stringContaining("api | recorder | scheduler | worker"),
  });
  expect(run([entry, "apii"])).toMatchObject({
    status: 64,
    said: expect.stringContaining("no part called apii"),
  });
});

test("the health check asks the port that answers, and tells ready from not ready and from nobody", async () => {
  const check = join(DEPLOY, "image/healthcheck.sh");
  let status = 200;
  const asked: string[] = [];
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: (request) => {
      asked.push(new URL(request.url).pathname);
      return new Response("{}", { status });
    },
  });
  const probe = async (...variables: readonly string[]) =>
    await Bun.spawn(["env", "API_HOST=0.0.0.0", ...variables, check]).exited;
  const port = server.port;
  expect(await probe(`API_PORT=${port}`, "HEALTH_PORT=0")).toBe(0);
  expect(await probe("API_PORT=1", `HEALTH_PORT=${port}`)).toBe(0);
  status = 503;
  expect(await probe(`API_PORT=${port}`, "HEALTH_PORT=0")).not.toBe(0);
  await server.stop(true);
  expect(await probe(`API_PORT=${port}`, "HEALTH_PORT=0")).not.toBe(0);
  expect(asked).toEqual(["/health/ready", "/health/ready", "/health/ready"]);
});

test("nothing but what the image is made of is sent to its builder", () => {
  const lines = readText(".dockerignore").split("\n");
  expect(lines).toContain("*");
  const sent = lines.filter((line) => line.startsWith("!")).map((line) => line.slice(1));
  const copied = [...dockerfile.matchAll(/^COPY (?:--chmod=\S+ )?(?!--from)((?:\S+ )+)\S+$/gm)]
    .flatMap(([, sources = ""]) => sources.trim().split(" "))
    .filter((source) => source !== "");
  for (const source of copied) {
    const isSent = sent.some((path) => source === path || source.startsWith(`${path}/`));
    expect({ source, isSent }).toEqual({ source, isSent: true });
  }
  expect(lines).toContain("**/.env");
});

test("what runs has no package manager, is one user's who is not root, and starts with nothing that its base left", () => {
  const last = dockerfile.slice(dockerfile.lastIndexOf("\nFROM "));
  expect(last).toStartWith("\nFROM scratch\n");
  // Nothing is run there: there is no shell tool to run.
  expect(last).not.toMatch(/^RUN /m);
  expect(last).toMatch(/^USER 10001:10001$/m);
  expect(last).toMatch(/^HEALTHCHECK /m);
  const packages = /^packages=\((.*)\)$/m.exec(readText("deploy/image/make-root.sh"))?.[1]?.split(" ") ?? [];
  expect(packages).toContain("bash");
  for (const each of ["apt", "dpkg", "perl-base", "coreutils", "openssl"])
    expect(packages).not.toContain(each);
});

test("every script of the image is one that bash takes", () => {
  for (const path of ["entry.sh", "healthcheck.sh", "install.sh", "make-root.sh"].map(
    (name) => `image/${name}`,
  ))
    expect({ path, ...run(["bash", "-n", join(DEPLOY, path)]) }).toEqual({ path, status: 0, said: "" });
  for (const path of ["build-image.sh", "smoke-image.sh"])
    expect({ path, ...run(["bash", "-n", join(DEPLOY, path)]) }).toEqual({ path, status: 0, said: "" });
});
