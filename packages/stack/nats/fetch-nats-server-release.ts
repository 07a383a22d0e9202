import { createHash } from "node:crypto";
import { chmodSync, copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { messageOf } from "../start-failure.ts";

/** The release that the project was measured with. */
export const RELEASE_VERSION = "2.15.1";
const RELEASES = "https://github.com/nats-io/nats-server/releases/download";
const DOWNLOAD_MS_MAX = 180_000;
const ARCHIVE_BYTES_MAX = 64 * 1024 * 1024;

export interface ReleasePlace {
  readonly base: string;
  readonly version: string;
  /** As Node names them: `linux`, `darwin`. */
  readonly platform: string;
  readonly arch: string;
}

export function officialRelease(): ReleasePlace {
  return { base: RELEASES, version: RELEASE_VERSION, platform: process.platform, arch: process.arch };
}

const ARCHES: Readonly<Record<string, string>> = {
  x64: "amd64",
  arm64: "arm64",
  arm: "arm7",
  ia32: "386",
  ppc64: "ppc64le",
  s390x: "s390x",
};

export interface ReleaseAssets {
  /** `nats-server-v2.15.1-linux-amd64`: also the folder inside the archive. */
  readonly name: string;
  readonly archiveUrl: string;
  readonly sumsUrl: string;
}

/** Undefined: there is no release for this platform that we could unpack. */
export function assetsOf(place: ReleasePlace): ReleaseAssets | undefined {
  const arch = ARCHES[place.arch];
  if (arch === undefined || !["linux", "darwin", "freebsd"].includes(place.platform)) return undefined;
  const folder = `${place.base}/v${place.version}`;
  const name = `nats-server-v${place.version}-${place.platform}-${arch}`;
  return { name, archiveUrl: `${folder}/${name}.tar.gz`, sumsUrl: `${folder}/SHA256SUMS` };
}

/** The checksum that a SHA256SUMS file has for a name: lines of `<hex>  <name>` or `<hex> *<name>`. */
export function findSum(sums: string, name: string): string | undefined {
  for (const line of sums.split("\n")) {
    const [sum = "", file = ""] = line.trim().split(/\s+\*?/, 2);
    if (file === name && /^[0-9a-f]{64}$/i.test(sum)) return sum.toLowerCase();
  }
  return undefined;
}

/**
 * Takes nats-server from its official release, and only if it has the published checksum. HTTP_PROXY and HTTPS_PROXY
 * are honoured, as `fetch` does. Throws with what failed.
 */
export async function fetchNatsServerRelease(place: ReleasePlace, folder: string, to: string): Promise<void> {
  const assets = assetsOf(place);
  if (assets === undefined) throw new Error(`there is no release for ${place.platform} on ${place.arch}`);
  const [sums, archive] = await Promise.all([download(assets.sumsUrl), download(assets.archiveUrl)]);
  const expected = findSum(new TextDecoder().decode(sums), `${assets.name}.tar.gz`);
  if (expected === undefined) throw new Error(`${assets.sumsUrl} has no checksum for ${assets.name}.tar.gz`);
  const actual = createHash("sha256").update(archive).digest("hex");
  if (actual !== expected)
    throw new Error(`${assets.archiveUrl} has the checksum ${actual}, but ${expected} was published`);

  mkdirSync(folder, { recursive: true });
  const file = join(folder, "release.tar.gz");
  writeFileSync(file, archive);
  const tar = Bun.spawnSync(["tar", "-xzf", file, "-C", folder], { stdin: "ignore", stderr: "pipe" });
  if (tar.exitCode !== 0) throw new Error(`tar ended with ${tar.exitCode}: ${tar.stderr.toString().trim()}`);
  copyFileSync(join(folder, assets.name, "nats-server"), to);
  chmodSync(to, 0o755);
}

async function download(url: string): Promise<Uint8Array> {
  const response = await fetch(url, { signal: AbortSignal.timeout(DOWNLOAD_MS_MAX) }).catch((cause) => {
    throw new Error(`${url} cannot be reached: ${messageOf(cause)}`, { cause });
  });
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length;
    if (bytes > ARCHIVE_BYTES_MAX) throw new Error(`${url} is larger than ${ARCHIVE_BYTES_MAX} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
