import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readIfThere } from "./files.ts";
import { waitForLock } from "./lock.ts";

const WAIT_MS_MAX = 600_000;

/**
 * Brings node_modules to what bun.lock says, if it is not there already. Safe when two run at once: one installs, the
 * other waits. Returns false, after having said why, when it fails.
 */
export async function installDependencies(project: string, say: (line: string) => void): Promise<boolean> {
  const modules = join(project, "node_modules");
  const stamp = join(modules, ".millrace-installed");
  const wanted = fingerprint(project);
  if (readIfThere(stamp) === wanted) return true;
  try {
    mkdirSync(modules, { recursive: true });
    const lock = await waitForLock(join(modules, ".millrace-install.lock"), {
      waitMsMax: WAIT_MS_MAX,
      onWait: () => say("waiting for another process that installs the dependencies"),
    });
    try {
      if (readIfThere(stamp) === wanted) return true;
      if (!(await install(project, say))) return false;
      writeFileSync(stamp, wanted);
      return true;
    } finally {
      lock.release();
    }
  } catch (error) {
    return withoutInstalling(modules, error, say);
  }
}

/** A project that belongs to somebody else: then what they have installed must do. */
function withoutInstalling(modules: string, error: unknown, say: (line: string) => void): boolean {
  const why = error instanceof Error ? error.message : String(error);
  const isThere = existsSync(join(modules, ".bun"));
  say(
    isThere
      ? `note: node_modules cannot be brought up to date here (${why}); going on with what is there`
      : `the dependencies cannot be installed: ${why}\nIs the project's folder yours, and is the disk full?`,
  );
  return isThere;
}

/** Changes whenever an installation could come out otherwise: the lock file, each package.json, Bun, the platform. */
export function fingerprint(project: string): string {
  const hash = createHash("sha256").update(`${Bun.version} ${process.platform} ${process.arch}`);
  for (const path of ["bun.lock", "package.json", "bunfig.toml", ...workspaceManifests(project)])
    hash.update(`\0${path}\0${readIfThere(join(project, path)) ?? ""}`);
  return hash.digest("hex");
}

function workspaceManifests(project: string): readonly string[] {
  const folders = ["apps", "packages"].flatMap((group) =>
    existsSync(join(project, group))
      ? readdirSync(join(project, group)).map((name) => `${group}/${name}`)
      : [],
  );
  return [...folders, "tests"].map((folder) => `${folder}/package.json`).sort();
}

async function install(project: string, say: (line: string) => void): Promise<boolean> {
  say("installing dependencies …");
  const fromMs = performance.now();
  const child = Bun.spawn([process.execPath, "install", "--frozen-lockfile", "--no-progress"], {
    cwd: project,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [output, errors, status] = await Promise.all([
    child.stdout.text(),
    child.stderr.text(),
    child.exited,
  ]);
  if (status !== 0) {
    say(`${output}${errors}`.trim());
    say(`installing the dependencies failed (exit ${status}).`);
    say(
      "Is the package registry reachable? Behind a proxy, set HTTPS_PROXY. Then run the same command again.",
    );
    return false;
  }
  say(`dependencies are installed (${((performance.now() - fromMs) / 1000).toFixed(1)} s)`);
  return true;
}
