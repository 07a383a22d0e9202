import { readFileSync } from "node:fs";
import { processGivesWay } from "@millrace/host";
import type { Sql } from "@millrace/store";

/** A connection that was opened since the last look works at full priority for at most so long. */
const LOOK_EVERY_MS = 1_000;

export interface YieldMeans {
  /** The pool whose backends are to give way. */
  readonly sql: Sql;
  readonly applicationName: string;
  /** 1 … 19. */
  readonly niceness: number;
  readonly nowMs: () => number;
  /** For tests. */
  readonly renice?: (pid: number, niceness: number) => void;
  readonly isPostgres?: (pid: number) => boolean;
}

/**
 * Where PostgreSQL runs on this machine, as in the embedded stack, the backends of the queries get a nice value: analysts
 * take the cores that the intake and the tasks leave, and not half of them. Elsewhere a replica does that.
 */
export function yieldCores(means: YieldMeans): () => Promise<void> {
  const {
    sql,
    applicationName,
    niceness,
    nowMs,
    renice = processGivesWay,
    isPostgres = isPostgresHere,
  } = means;
  let done = new Set<number>();
  let lookedMs = Number.NEGATIVE_INFINITY;
  return async () => {
    if (nowMs() - lookedMs < LOOK_EVERY_MS) return;
    lookedMs = nowMs();
    const rows = await sql<{ pid: number }[]>`
      select pid from pg_stat_activity where application_name = ${applicationName} and usename = current_user`;
    const pids = new Set(rows.map(({ pid }) => pid));
    for (const pid of pids) {
      if (done.has(pid) || !isPostgres(pid)) continue;
      renice(pid, niceness);
    }
    done = pids;
  };
}

/** The number may be that of some other process here, when PostgreSQL runs elsewhere or in a container. */
function isPostgresHere(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/comm`, "utf8").startsWith("postgres");
  } catch {
    return false; // No such process, or no Linux.
  }
}
