import { expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { Spec, Validation } from "@cyclonedx/cyclonedx-library";
// The validator loads these two by itself, and lists neither.
import "ajv-formats";
import "ajv-formats-draft2019";
import { at, DEPLOY, listAt, PROJECT, readText } from "../../support/deploy-files.ts";
import { scratch } from "../../support/scratch.ts";

const BASH =
  "Package: bash\nStatus: install ok installed\nArchitecture: amd64\nSource: bash (5.2.37-2)\nVersion: 5.2.37-2+b10\nDescription: GNU Bourne Again SHell\n Bash is …\n";
const INTEGRITY =
  "sha512-z4PhNX7vuL3xVChQ1m2AB9Yg5AULVxXcg/SpIdNs6c5H0NE8XYXysP+DGNKHfuwvY7kxvUdBeoGlODJ6+SfaPg==";
const LOCK = `{
  "packages": {
    "@img/sharp-linux-x64": ["@img/sharp-linux-x64@0.35.5", "", { "os": "linux" }, "${INTEGRITY}"],
    "sharp": ["sharp@0.35.5", "", {}, "${INTEGRITY}"],
  }
}`;
const RELEASE = 'PRETTY_NAME="Debian GNU/Linux 13 (trixie)"\nVERSION_ID="13"\n';
/** Folder and manifest, as Bun's isolated installation lays them. */
const PACKAGES = {
  "sharp@0.35.5+6896990797d7a805": { name: "sharp", version: "0.35.5", license: "Apache-2.0" },
  "@img+sharp-linux-x64@0.35.5": { name: "@img/sharp-linux-x64", version: "0.35.5", license: "MIT OR ISC" },
  "odd@1.0.0": { name: "odd", version: "1.0.0", license: "SEE LICENSE IN LICENSE.md" },
  "old@1.0.0": { name: "old", version: "1.0.0", license: { type: "MIT" } },
  "bare@2.0.0-beta.1": { name: "bare", version: "2.0.0-beta.1" },
} as const;

async function projectAndRoot(files: Readonly<Record<string, string>>): Promise<readonly [string, string]> {
  const base = (await scratch()).folder("image");
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(base, path)), { recursive: true });
    writeFileSync(join(base, path), text);
  }
  return [join(base, "app"), join(base, "root")];
}

function smallImage(): Promise<readonly [string, string]> {
  const manifests = Object.entries(PACKAGES).map(
    ([folder, manifest]) =>
      [
        `app/node_modules/.bun/${folder}/node_modules/${manifest.name}/package.json`,
        JSON.stringify(manifest),
      ] as const,
  );
  return projectAndRoot({
    "app/package.json": '{"version":"0.1.0"}',
    "app/bun.lock": LOCK,
    // Where Bun links what has no place of its own: no package.
    "app/node_modules/.bun/node_modules/sharp/package.json": "{}",
    "root/usr/lib/os-release": RELEASE,
    "root/var/lib/dpkg/status.d/bash": BASH,
    "root/var/lib/dpkg/status.d/empty": "",
    ...Object.fromEntries(manifests),
  });
}

async function sbom(project: string, root: string): Promise<string> {
  const main = join(DEPLOY, "image/sbom-main.ts");
  const child = Bun.spawn([process.execPath, main, project, root, "1795000000"], { stdout: "pipe" });
  const [text, status] = await Promise.all([child.stdout.text(), child.exited]);
  expect(status).toBe(0);
  return text;
}

const validator = new Validation.JsonStrictValidator(Spec.Version.v1dot6);

test("each package is named as scanners look for it, with the checksum of the lock file and its licence", async () => {
  const text = await sbom(...(await smallImage()));
  const bill: unknown = JSON.parse(text);
  const components = listAt(bill, "components");
  expect(components.map((each) => at(each, "purl"))).toEqual([
    `pkg:npm/bun@${Bun.version}`,
    "pkg:deb/debian/bash@5.2.37-2%2Bb10?arch=amd64&distro=debian-13",
    "pkg:npm/%40img/sharp-linux-x64@0.35.5",
    "pkg:npm/bare@2.0.0-beta.1",
    "pkg:npm/odd@1.0.0",
    "pkg:npm/old@1.0.0",
    "pkg:npm/sharp@0.35.5",
  ]);
  const emptySha512 = "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce";
  for (const index of [2, 6]) expect(at(components, index, "hashes", 0, "content")).toStartWith(emptySha512);
  expect(components.map((each) => at(each, "licenses", 0))).toEqual([
    undefined,
    undefined,
    { expression: "MIT OR ISC" },
    undefined,
    { license: { name: "SEE LICENSE IN LICENSE.md" } },
    { expression: "MIT" },
    { expression: "Apache-2.0" },
  ]);
  expect(at(bill, "metadata", "timestamp")).toBe("2026-11-18T11:06:40.000Z");
  expect(await validator.validate(text)).toBeNull();
  expect(await sbom(...(await smallImage()))).toBe(text);
});

test("CycloneDX's own schema refuses a component of no known type", async () => {
  const text = await sbom(...(await smallImage()));
  expect(await validator.validate(text.replace('"type": "library"', '"type": "libary"'))).not.toBeNull();
});

test("of this project's own installation, every package has its checksum, and the schema takes the list", async () => {
  const [, root] = await smallImage();
  const text = await sbom(PROJECT, root);
  expect(await validator.validate(text)).toBeNull();
  const packages = listAt(JSON.parse(text), "components").slice(2);
  expect(packages.length).toBeGreaterThan(100);
  const bare = packages.filter((each) => at(each, "hashes", 0, "content") === undefined);
  // What an earlier installation left there may be gone from the lock file.
  const lock = readText("bun.lock");
  const names = bare.map((each) => `${at(each, "name")}@${at(each, "version")}`);
  expect(names.filter((name) => lock.includes(`["${name}"`))).toEqual([]);
});
