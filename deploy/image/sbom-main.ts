/**
 * Writes the list of what is in the image to the standard output:
 * `bun deploy/image/sbom-main.ts <project with node_modules> <root of the image> <time in seconds since 1970>`.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type InstalledPackage, integritiesOf, makeSbom, parseDebianStatus } from "./sbom.ts";

const [project = ".", root = "/", epochS = "0"] = process.argv.slice(2);
const readJson = (path: string) => JSON.parse(readFileSync(path, "utf8"));
const integrities = integritiesOf(readFileSync(join(project, "bun.lock"), "utf8"));

/** Bun keeps `name@version` in a folder of its own, with the package itself in a node_modules of that. */
function installed(): readonly InstalledPackage[] {
  const store = join(project, "node_modules/.bun");
  return readdirSync(store).flatMap((folder) => {
    const name = /^(@?[^@]+)@/.exec(folder)?.[1]?.replace("+", "/");
    const manifest = join(store, folder, "node_modules", name ?? "", "package.json");
    if (name === undefined || !existsSync(manifest)) return [];
    const { version, license } = readJson(manifest);
    const named = typeof license === "object" ? license?.type : license;
    return [{ name, version, license: named, integrity: integrities.get(`${name}@${version}`) }];
  });
}

const status = join(root, "var/lib/dpkg/status.d");
const release = readFileSync(join(root, "usr/lib/os-release"), "utf8");
process.stdout.write(
  makeSbom({
    version: readJson(join(project, "package.json")).version,
    createdAt: new Date(Number(epochS) * 1000).toISOString(),
    bunVersion: Bun.version,
    distribution: `debian-${/^VERSION_ID="?([^"\n]+)/m.exec(release)?.[1] ?? "unknown"}`,
    debian: readdirSync(status)
      .map((name) => parseDebianStatus(readFileSync(join(status, name), "utf8")))
      .filter((each) => each !== undefined),
    packages: installed(),
  }),
);
