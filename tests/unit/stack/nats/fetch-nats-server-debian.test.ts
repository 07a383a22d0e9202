import { expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  fetchNatsServerDebian,
  findDebianArchive,
  sourceLine,
} from "@millrace/stack/nats/fetch-nats-server-debian";
import { tempHome } from "../../../support/servers.ts";

const ARCHIVE = { uri: "http://a.example/debian", suites: ["bookworm"], components: ["main"] };

async function machine(files: Readonly<Record<string, string>>) {
  const root = await tempHome();
  mkdirSync(join(root, "apt/sources.list.d"), { recursive: true });
  for (const [path, text] of Object.entries(files)) writeFileSync(join(root, path), text);
  return { etc: join(root, "apt"), osRelease: join(root, "os-release") };
}

const DEBIAN = 'PRETTY_NAME="Debian"\nVERSION_CODENAME=bookworm\nID=debian\n';

test("the keyring goes with the archive", () => {
  expect(sourceLine({ ...ARCHIVE, signedBy: "/k.gpg" }, "/key.asc")).toBe(
    "deb [signed-by=/k.gpg] http://a.example/debian sid main\n",
  );
  expect(sourceLine({ ...ARCHIVE, signedBy: undefined }, "/key.asc")).toBe(
    "deb http://a.example/debian sid main\n",
  );
});

test("a key in the sources becomes a file", () => {
  const signedBy = "\n-----BEGIN PGP PUBLIC KEY BLOCK-----\n";
  expect(sourceLine({ ...ARCHIVE, signedBy }, "/key.asc")).toBe(
    "deb [signed-by=/key.asc] http://a.example/debian sid main\n",
  );
});

test.each([
  [
    "apt/sources.list.d/debian.sources",
    "Types: deb\nURIs: http://x.example\nSuites: bookworm\nComponents: main\n",
  ],
  ["apt/sources.list", "deb http://x.example bookworm main\n"],
  ["apt/sources.list.d/more.list", "deb http://x.example bookworm main\n"],
])("the archive is found in %s", async (path, text) => {
  const finding = findDebianArchive(await machine({ "os-release": DEBIAN, [path]: text }));
  expect(finding.ok && finding.archive.uri).toBe("http://x.example");
});

test("a disabled file is not read", async () => {
  const finding = findDebianArchive(
    await machine({
      "os-release": DEBIAN,
      "apt/sources.list.d/x.list.disabled": "deb http://x.example bookworm main\n",
    }),
  );
  expect(finding).toMatchObject({ ok: false, why: expect.stringContaining("bookworm main") });
});

test.each(["ID=ubuntu\nID_LIKE=debian\n", "ID=alpine\n"])("%p has no Debian archive", async (release) => {
  const finding = findDebianArchive(
    await machine({ "os-release": release, "apt/sources.list": "deb http://x sid main\n" }),
  );
  expect(finding).toEqual({ ok: false, why: "this is not Debian" });
});

test("a machine that has no os-release is not Debian", async () => {
  expect(findDebianArchive(await machine({}))).toEqual({ ok: false, why: "this is not Debian" });
});

test("an archive that does not answer, or no apt at all, is an error with its reason", async () => {
  const folder = await tempHome();
  const archive = { ...ARCHIVE, uri: "file:/nowhere/debian", signedBy: undefined };
  await expect(fetchNatsServerDebian(archive, folder, join(folder, "out"))).rejects.toThrow(
    /apt-get|ENOENT|not found/,
  );
});
