import { readFileSync, statSync } from "node:fs";
import { StartFailure } from "../start-failure.ts";

export interface SystemUser {
  readonly uid: number;
  readonly gid: number;
}

/** Whom PostgreSQL runs as. It refuses to be root; `nobody` exists everywhere, so no user needs to be made. */
const CANDIDATES = ["postgres", "nobody"];

/**
 * Undefined: as ourselves. As root: whoever owns the data already, else `postgres`, else `nobody`.
 *
 * @param uid ours.
 */
export function postgresUser(uid: number, dataFolder: string): SystemUser | undefined {
  if (uid !== 0) return undefined;
  if (process.platform !== "linux")
    throw new StartFailure("PostgreSQL refuses to run as root", "Start Millrace as an ordinary user.");
  const owner = ownerOf(dataFolder);
  if (owner !== undefined && owner.uid !== 0) return owner;
  const user = findUser(readFileSync("/etc/passwd", "utf8"));
  if (user !== undefined) return user;
  const advice = `Start Millrace as an ordinary user, or add a user named ${CANDIDATES[0]}.`;
  throw new StartFailure(
    `PostgreSQL refuses to run as root, and there is no user ${CANDIDATES.join(" or ")}`,
    advice,
  );
}

function ownerOf(folder: string): SystemUser | undefined {
  const found = statSync(folder, { throwIfNoEntry: false });
  return found === undefined ? undefined : { uid: found.uid, gid: found.gid };
}

/** @see man 5 passwd: name:password:uid:gid:… */
export function findUser(passwd: string): SystemUser | undefined {
  const rows = passwd.split("\n").map((line) => line.split(":"));
  for (const name of CANDIDATES) {
    const row = rows.find(([candidate]) => candidate === name);
    const user = { uid: Number(row?.[2]), gid: Number(row?.[3]) };
    if (row !== undefined && Number.isInteger(user.uid) && user.uid > 0 && Number.isInteger(user.gid))
      return user;
  }
  return undefined;
}
