import { chmodSync, copyFileSync, existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readIfThere } from "../files.ts";
import { type AptSource, findArchive, parseDeb822, parseOneLine } from "./apt-sources.ts";

/** Debian's stable releases carry servers that are too old; this suite has the current one. */
const SUITE = "sid";
const PACKAGE = "nats-server";
const COMMAND_MS_MAX = 180_000;

/** Where a machine keeps what apt knows. */
export interface AptMachine {
  readonly etc: string;
  readonly osRelease: string;
}

export const THIS_MACHINE: AptMachine = { etc: "/etc/apt", osRelease: "/etc/os-release" };

export type ArchiveFinding =
  | { readonly ok: true; readonly archive: AptSource }
  | { readonly ok: false; readonly why: string };

/** The Debian archive that this machine is configured for. Not every machine with apt has one. */
export function findDebianArchive(machine: AptMachine): ArchiveFinding {
  const release = readIfThere(machine.osRelease) ?? "";
  if (!/^ID="?debian"?$/m.test(release)) return { ok: false, why: "this is not Debian" };
  const codename = /^VERSION_CODENAME="?([a-z]+)"?$/m.exec(release)?.[1] ?? "stable";
  const archive = findArchive(sourcesOf(machine.etc), codename);
  if (archive === undefined) return { ok: false, why: `no source in ${machine.etc} serves ${codename} main` };
  return { ok: true, archive };
}

function sourcesOf(etc: string): readonly AptSource[] {
  const parts = join(etc, "sources.list.d");
  const names = existsSync(parts) ? readdirSync(parts).sort() : [];
  const read = (name: string) => readIfThere(join(parts, name)) ?? "";
  return [
    ...parseOneLine(readIfThere(join(etc, "sources.list")) ?? ""),
    ...names.filter((name) => name.endsWith(".sources")).flatMap((name) => parseDeb822(read(name))),
    ...names.filter((name) => name.endsWith(".list")).flatMap((name) => parseOneLine(read(name))),
  ];
}

/** The line that adds the suite. A key that stands in the sources themselves goes into a file of its own. */
export function sourceLine(archive: AptSource, keyFile: string): string {
  const { uri, signedBy } = archive;
  if (signedBy === undefined) return `deb ${uri} ${SUITE} main\n`;
  const key = signedBy.includes("BEGIN PGP") ? keyFile : signedBy.split(/\s+/).join(",");
  return `deb [signed-by=${key}] ${uri} ${SUITE} main\n`;
}

/**
 * Takes nats-server from the archive that the machine trusts already. apt verifies the signatures and knows the
 * proxies; everything that it writes goes into `folder`, so that neither root nor a change of the machine is needed.
 * Throws with the last words of the command that failed.
 */
export async function fetchNatsServerDebian(archive: AptSource, folder: string, to: string): Promise<void> {
  for (const name of ["lists/partial", "cache/archives/partial", "parts", "unpacked"])
    mkdirSync(join(folder, name), { recursive: true });
  const keyFile = join(folder, "key.asc");
  if (archive.signedBy?.includes("BEGIN PGP")) writeFileSync(keyFile, `${archive.signedBy.trim()}\n`);
  const list = join(folder, "sid.list");
  writeFileSync(list, sourceLine(archive, keyFile));
  writeFileSync(join(folder, "status"), "");

  const options = aptOptions(folder, list);
  await run(["apt-get", ...options, "update"], folder);
  await run(["apt-get", ...options, "download", PACKAGE], folder);
  const deb = readdirSync(folder).find((name) => name.endsWith(".deb"));
  if (deb === undefined) throw new Error(`apt-get downloaded no ${PACKAGE}`);
  await run(["dpkg", "-x", deb, "unpacked"], folder);
  copyFileSync(join(folder, "unpacked/usr/sbin/nats-server"), to);
  chmodSync(to, 0o755);
}

/** Everything that apt writes, and the only source that it reads, lies in the folder. */
function aptOptions(folder: string, list: string): readonly string[] {
  const options: Readonly<Record<string, string>> = {
    "Dir::State": folder,
    "Dir::State::lists": join(folder, "lists"),
    "Dir::State::status": join(folder, "status"),
    "Dir::Cache": join(folder, "cache"),
    "Dir::Etc::sourcelist": list,
    "Dir::Etc::sourceparts": "-",
    "Dir::Etc::preferences": "-",
    "Dir::Etc::preferencesparts": "-",
    "APT::Get::List-Cleanup": "0",
    // Otherwise a failed update is only a warning, and what then fails is a search in nothing.
    "APT::Update::Error-Mode": "any",
    "Acquire::Languages": "none",
    "Acquire::Retries": "1",
    "Acquire::http::Timeout": "20",
    "Acquire::https::Timeout": "20",
    // As root apt would work as _apt, which cannot write into a private folder.
    "APT::Sandbox::User": "",
  };
  return ["-q", ...Object.entries(options).flatMap(([name, value]) => ["-o", `${name}=${value}`])];
}

async function run(command: readonly string[], cwd: string): Promise<void> {
  const child = Bun.spawn([...command], {
    cwd,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    env: { ...process.env, LC_ALL: "C", DEBIAN_FRONTEND: "noninteractive" },
    timeout: COMMAND_MS_MAX,
  });
  const [, errors] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  const status = await child.exited;
  if (status === 0) return;
  const [program, ...rest] = command;
  const lines = errors.trim().split("\n");
  const reasons = lines.filter((line) => line.startsWith("E:"));
  const lastWords = (reasons.length > 0 ? reasons : lines).slice(-3).join(" / ");
  throw new Error(`${program} ${rest.at(-1)} ended with ${status}: ${lastWords}`);
}
