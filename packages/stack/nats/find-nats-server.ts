import { accessSync, constants, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { cacheFolder } from "../home.ts";
import { waitForLock } from "../lock.ts";
import { messageOf, StartFailure } from "../start-failure.ts";
import { fetchNatsServerDebian, findDebianArchive, THIS_MACHINE } from "./fetch-nats-server-debian.ts";
import { assetsOf, fetchNatsServerRelease, officialRelease } from "./fetch-nats-server-release.ts";
import { isNewEnough, NATS_VERSION_MIN, versionOf } from "./nats-version.ts";

export interface NatsServer {
  readonly path: string;
  readonly version: string;
}

/** One way to get the binary into the file `to`, working in `folder`. */
export interface NatsOrigin {
  readonly name: string;
  fetch(folder: string, to: string): Promise<void>;
}

export interface NatsSearch {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Used when the user's own cache cannot be written: MILLRACE_HOME. */
  readonly fallbackFolder: string;
  readonly say: (line: string) => void;
  /** Where it may be fetched, the best first. */
  readonly origins?: readonly NatsOrigin[];
}

const WAIT_MS_MAX = 300_000;
const ADVICE = `What helps: install nats-server ${NATS_VERSION_MIN} or newer and name it with NATS_SERVER_BIN=/path/to/nats-server;
or use a running server with NATS_URL=nats://…`;

/** A nats-server that is new enough: the one that is named, the one on PATH, the cached one, or a fetched one. */
export async function findNatsServer(search: NatsSearch): Promise<NatsServer> {
  const { env } = search;
  const named = env.NATS_SERVER_BIN?.trim() ?? "";
  if (named !== "") return requireNamed(named);
  const installed = Bun.which("nats-server", { PATH: env.PATH ?? "" });
  const cache = writableFolder([cacheFolder(env), search.fallbackFolder]);
  const cached = join(cache, "nats-server");
  const known = usable(installed) ?? usable(cached);
  if (known !== undefined) return known;

  const lock = await waitForLock(join(cache, "nats-server.lock"), {
    waitMsMax: WAIT_MS_MAX,
    onWait: () => search.say("another process is fetching nats-server, waiting for it"),
  });
  try {
    return usable(cached) ?? (await fetchInto(cache, cached, search));
  } finally {
    lock.release();
  }
}

function requireNamed(path: string): NatsServer {
  const version = versionOf(path);
  const advice =
    "Correct NATS_SERVER_BIN, or unset it: then nats-server is looked for, and fetched if need be.";
  if (version === undefined)
    throw new StartFailure(`NATS_SERVER_BIN=${path} is no nats-server that runs here`, advice);
  if (!isNewEnough(version))
    throw new StartFailure(
      `NATS_SERVER_BIN=${path} is version ${version}; ${NATS_VERSION_MIN} or newer is needed`,
      advice,
    );
  return { path, version };
}

function usable(path: string | null): NatsServer | undefined {
  if (path === null) return undefined;
  const version = versionOf(path);
  return version !== undefined && isNewEnough(version) ? { path, version } : undefined;
}

function writableFolder(folders: readonly string[]): string {
  for (const folder of folders) {
    try {
      mkdirSync(folder, { recursive: true });
      accessSync(folder, constants.W_OK | constants.X_OK);
      return folder;
    } catch {
      // The next one may do.
    }
  }
  throw new StartFailure(
    `cannot write to ${folders.join(" nor to ")}, where nats-server would be kept`,
    ADVICE,
  );
}

async function fetchInto(cache: string, to: string, search: NatsSearch): Promise<NatsServer> {
  const failures: string[] = [];
  for (const origin of search.origins ?? originsOfThisMachine(failures)) {
    search.say(`fetching nats-server from ${origin.name} (once, some 10 MB) …`);
    const folder = mkdtempSync(join(cache, "fetching-"));
    try {
      const draft = join(folder, "nats-server.new");
      await origin.fetch(folder, draft);
      const fetched = usable(draft);
      if (fetched === undefined)
        throw new Error(`what came is version ${versionOf(draft) ?? "unknown, it does not run here"}`);
      renameSync(draft, to);
      search.say(`nats-server ${fetched.version} is in ${to}`);
      return { path: to, version: fetched.version };
    } catch (error) {
      failures.push(`${origin.name}: ${messageOf(error)}`);
      search.say(`that did not work: ${messageOf(error)}`);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }
  const tried = failures.map((failure) => `  ${failure}`).join("\n");
  throw new StartFailure(`no nats-server could be found or fetched. Tried:\n${tried}`, ADVICE);
}

/** Adds to `failures` what is not even worth a try here, so that the final message is complete. */
function originsOfThisMachine(failures: string[]): readonly NatsOrigin[] {
  const origins: NatsOrigin[] = [];
  const debian = findDebianArchive(THIS_MACHINE);
  if (!debian.ok) failures.push(`the Debian archive: ${debian.why}`);
  else
    origins.push({
      name: "the Debian archive",
      fetch: (folder, to) => fetchNatsServerDebian(debian.archive, folder, to),
    });
  const place = officialRelease();
  if (assetsOf(place) === undefined)
    failures.push(`the official release: none for ${place.platform} ${place.arch}`);
  else
    origins.push({
      name: `the official release ${place.version}`,
      fetch: (folder, to) => fetchNatsServerRelease(place, folder, to),
    });
  return origins;
}
