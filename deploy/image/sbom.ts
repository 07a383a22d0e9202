/** What the image is made of, as CycloneDX 1.6: Debian's packages, Bun, and each package that is installed in it. */

export interface InstalledPackage {
  readonly name: string;
  readonly version: string;
  /** An SPDX expression, or whatever the package calls its licence. */
  readonly license?: string | undefined;
  /** As the lock file has it: `sha512-` and base64. */
  readonly integrity?: string | undefined;
}

export interface DebianPackage {
  readonly name: string;
  readonly version: string;
  readonly architecture: string;
  readonly source: string;
}

export interface SbomInput {
  readonly version: string;
  /** The commit's, in RFC 3339: the same sources have the same list. */
  readonly createdAt: string;
  readonly bunVersion: string;
  readonly distribution: string;
  readonly debian: readonly DebianPackage[];
  readonly packages: readonly InstalledPackage[];
}

/** One value in many lines of `Name: value`, as dpkg writes them. */
function field(status: string, name: string): string | undefined {
  return new RegExp(`^${name}: (.*)$`, "m").exec(status)?.[1];
}

/** Reads what `dpkg-query --status` says of one package; undefined when that is not a package. */
export function parseDebianStatus(status: string): DebianPackage | undefined {
  const name = field(status, "Package");
  const version = field(status, "Version");
  const architecture = field(status, "Architecture");
  if (name === undefined || version === undefined || architecture === undefined) return undefined;
  return { name, version, architecture, source: field(status, "Source")?.split(" ")[0] ?? name };
}

/** The checksum of each `name@version` in the text of bun.lock. */
export function integritiesOf(lock: string): ReadonlyMap<string, string> {
  const lines = lock.matchAll(/^ {4}"[^"]+": \["((?:@[^"@/]+\/)?[^"@]+@[^"]+)",.*"(sha512-[^"]+)"\],?$/gm);
  return new Map([...lines].map(([, id = "", integrity = ""]) => [id, integrity]));
}

const encode = (text: string) => encodeURIComponent(text).replaceAll("%3A", ":");

function npmUrl({ name, version }: InstalledPackage): string {
  return `pkg:npm/${name.split("/").map(encode).join("/")}@${encode(version)}`;
}

/** SPDX's own identifiers and their expressions; all else is a name. */
const EXPRESSION = /^\(?[A-Za-z0-9.+-]+(?: (?:OR|AND|WITH) [A-Za-z0-9.+-]+)*\)?$/;

function licensesOf(license: string | undefined): object {
  if (license === undefined || license === "") return {};
  if (EXPRESSION.test(license)) return { licenses: [{ expression: license }] };
  return { licenses: [{ license: { name: license } }] };
}

function npmComponent(each: InstalledPackage): object {
  const url = npmUrl(each);
  const sha512 = /^sha512-(.+)$/.exec(each.integrity ?? "")?.[1];
  const hashes =
    sha512 === undefined
      ? {}
      : { hashes: [{ alg: "SHA-512", content: Buffer.from(sha512, "base64").toString("hex") }] };
  return {
    ...{ type: "library", "bom-ref": url, name: each.name, version: each.version, purl: url },
    ...hashes,
    ...licensesOf(each.license),
  };
}

function debianComponent(each: DebianPackage, distribution: string): object {
  const url = `pkg:deb/debian/${encode(each.name)}@${encode(each.version)}?arch=${each.architecture}&distro=${distribution}`;
  return {
    ...{ type: "library", "bom-ref": url, name: each.name, version: each.version, purl: url },
    properties: [{ name: "debian:source", value: each.source }],
  };
}

const byName = (a: { name: string; version: string }, b: { name: string; version: string }) =>
  a.name === b.name ? Bun.semver.order(a.version, b.version) : a.name < b.name ? -1 : 1;

/** The same input gives the same text, whatever the order in which it was found. */
export function makeSbom(input: SbomInput): string {
  const bun = `pkg:npm/bun@${input.bunVersion}`;
  const once = new Map(input.packages.map((each) => [npmUrl(each), each]));
  const bill = {
    ...{ bomFormat: "CycloneDX", specVersion: "1.6", version: 1 },
    metadata: {
      timestamp: input.createdAt,
      component: {
        ...{ type: "container", "bom-ref": "millrace", name: "millrace", version: input.version },
        licenses: [{ expression: "Apache-2.0" }],
      },
    },
    components: [
      { type: "application", "bom-ref": bun, name: "bun", version: input.bunVersion, purl: bun },
      ...[...input.debian]
        .sort((a, b) => (a.name < b.name ? -1 : 1))
        .map((each) => debianComponent(each, input.distribution)),
      ...[...once.values()].sort(byName).map(npmComponent),
    ],
  };
  return `${JSON.stringify(bill, null, 1)}\n`;
}
