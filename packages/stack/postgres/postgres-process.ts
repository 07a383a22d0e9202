import {
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PRIVATE_FILE, PRIVATE_FOLDER, readIfThere } from "../files.ts";
import { StartFailure } from "../start-failure.ts";
import { postgresAlarm } from "../supervise/alarm.ts";
import { withParentDeathSignal } from "../supervise/parent-death.ts";
import type { ProcessSpec } from "../supervise/process-spec.ts";
import { findPostgres, type PostgresBinaries } from "./find-postgres.ts";
import { postgresUser, type SystemUser } from "./postgres-user.ts";

export const SUPERUSER = "postgres";

export interface PostgresPlace {
  readonly dataFolder: string;
  readonly port: number;
  readonly superPassword: string;
  /** Where a copy of the binaries may be kept, should they not run where they are. */
  readonly copiesFolder: string;
  /** For tests: nothing of it needs to outlive the machine. A killed server still loses nothing. */
  readonly isScratch?: boolean;
}

export interface PreparedPostgres {
  readonly process: ProcessSpec;
  readonly version: string;
}

/** Makes the data folder if there is none, and says how the server is started. */
export async function preparePostgres(place: PostgresPlace): Promise<PreparedPostgres> {
  const user = postgresUser(process.getuid?.() ?? -1, place.dataFolder);
  const binaries = findPostgres(user, place.copiesFolder);
  if (!existsSync(place.dataFolder)) await makeDataFolder(place, binaries, user);
  requireSameMajor(place.dataFolder, binaries.version);
  installSettings(place.dataFolder, user);
  return { process: serverProcess(place, binaries, user), version: binaries.version };
}

/**
 * How the server names its data folder. As root it runs as somebody else, who cannot walk through /root or a private
 * MILLRACE_HOME; but a process may always use the folder that it stands in, and /proc/self/cwd names that without
 * walking to it. PostgreSQL never leaves its data folder. So the data stays in MILLRACE_HOME, wherever that is, without
 * opening anybody's folders.
 */
function nameOfData(dataFolder: string, user: SystemUser | undefined): string {
  return user === undefined ? dataFolder : "/proc/self/cwd";
}

function serverProcess(
  place: PostgresPlace,
  binaries: PostgresBinaries,
  user: SystemUser | undefined,
): ProcessSpec {
  const scratch = place.isScratch ? ["-c", "fsync=off", "-c", "shared_buffers=64MB"] : [];
  return {
    name: "postgres",
    command: withParentDeathSignal("INT", [
      binaries.postgres,
      ...["-D", nameOfData(place.dataFolder, user), "-h", "127.0.0.1", "-p", String(place.port)],
      ...scratch,
    ]),
    cwd: place.dataFolder,
    env: { PATH: process.env.PATH, LC_ALL: "C", TZ: "UTC" },
    user,
    stopSignal: "SIGINT",
    abortSignal: "SIGQUIT",
    findAlarm: postgresAlarm,
  };
}

/** Made aside and renamed: a start that dies in the middle leaves no half of a database behind. */
async function makeDataFolder(
  place: PostgresPlace,
  binaries: PostgresBinaries,
  user: SystemUser | undefined,
): Promise<void> {
  const draft = `${place.dataFolder}.new`;
  rmSync(draft, { recursive: true, force: true });
  mkdirSync(draft, { recursive: true, mode: PRIVATE_FOLDER });
  const aside = mkdtempSync(join(tmpdir(), "millrace-initdb-"));
  const passwordFile = join(aside, "password");
  try {
    writeFileSync(passwordFile, `${place.superPassword}\n`, { mode: PRIVATE_FILE });
    for (const path of user === undefined ? [] : [draft, aside, passwordFile])
      chownSync(path, user?.uid ?? -1, user?.gid ?? -1);
    const child = Bun.spawn(
      [
        binaries.initdb,
        ...["-D", nameOfData(draft, user), "--username", SUPERUSER, "--pwfile", passwordFile],
        "--auth=scram-sha-256",
        "--encoding=UTF8",
        // PostgreSQL's own C.UTF-8: the same order on every machine, whatever locales it has.
        "--locale=C",
        "--locale-provider=builtin",
        "--builtin-locale=C.UTF-8",
        "--no-instructions",
        ...(place.isScratch ? ["--no-sync"] : []),
      ],
      {
        cwd: draft,
        env: { PATH: process.env.PATH, LC_ALL: "C", TZ: "UTC" },
        stdin: "ignore",
        stdout: "ignore",
        stderr: "pipe",
        ...(user === undefined ? {} : user),
      },
    );
    const errors = await child.stderr.text();
    if ((await child.exited) !== 0) throw new StartFailure(`initdb failed in ${draft}:\n${errors.trim()}`);
    renameSync(draft, place.dataFolder);
  } finally {
    rmSync(aside, { recursive: true, force: true });
  }
}

function requireSameMajor(dataFolder: string, version: string): void {
  const major = version.split(".")[0];
  const made = readIfThere(join(dataFolder, "PG_VERSION"))?.trim();
  if (made === major) return;
  const advice =
    made === undefined
      ? "Move that folder away, or choose another MILLRACE_HOME."
      : `Dump it with PostgreSQL ${made} and load it into a new MILLRACE_HOME.`;
  throw new StartFailure(
    `${dataFolder} is not a data folder of PostgreSQL ${major} (${made ?? "unknown"})`,
    advice,
  );
}

const SETTINGS = "millrace.conf";

/** At each start, so that a new version of the project brings its new settings. */
function installSettings(dataFolder: string, user: SystemUser | undefined): void {
  const settings = join(dataFolder, SETTINGS);
  copyFileSync(join(import.meta.dirname, "postgres.conf"), settings);
  if (user !== undefined) chownSync(settings, user.uid, user.gid);
  const main = join(dataFolder, "postgresql.conf");
  const text = readFileSync(main, "utf8");
  const include = `include '${SETTINGS}'`;
  if (!text.includes(include)) writeFileSync(main, `${text}\n${include}\n`);
}

/** The server says in its pid file how far it is. @see pg_ctl, which reads the same. */
export function isPostgresReady(dataFolder: string, pid: number): boolean {
  const lines = (readIfThere(join(dataFolder, "postmaster.pid")) ?? "").split("\n");
  return lines[0] === String(pid) && lines[7]?.trim() === "ready";
}
