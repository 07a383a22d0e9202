import { GroupCommit } from "@millrace/core";
import type { Log } from "@millrace/observe";
import {
  type Claim,
  type ClaimAnswer,
  claimAttempts,
  classifyStoreFailure,
  type SettleAnswer,
  type Settlement,
  type Sql,
  settleAttempts,
} from "@millrace/store";

const REPEATS_MAX = 3;
const PAUSE_MS_MAX = 5_000;

export interface AttemptsOptions {
  readonly sql: Sql;
  readonly session: string;
  readonly log: Log;
  readonly slots: number;
  /** Told the size of each group that left. */
  readonly onGroup?: (step: "claim" | "settle", rows: number) => void;
}

/**
 * All slots in one group would march in step: the database waits while the tasks run, and the tasks while it commits.
 * In several groups each has something to do (measured: 13 400 → 14 400 tasks/s).
 */
const GROUPS = 4;
const ROWS_MIN = 32;

/**
 * The worker's two steps in PostgreSQL, each in group commits: claim before anything runs, settle when it has.
 */
export class Attempts {
  readonly #claims: GroupCommit<Claim, Answered<ClaimAnswer>>;
  readonly #settlements: GroupCommit<Settlement, Answered<SettleAnswer>>;

  constructor({ sql, session, log, slots, onGroup }: AttemptsOptions) {
    const rowsMax = Math.max(ROWS_MIN, Math.ceil(slots / GROUPS));
    const claim = (claims: readonly Claim[]) => repeated(() => claimAttempts(sql, session, claims));
    const settle = (settlements: readonly Settlement[]) =>
      untilSettled(() => settleAttempts(sql, session, settlements), log);
    this.#claims = new GroupCommit({
      rowsMax,
      commit: (claims) => eachAnswered(claims, claim),
      onGroup: (rows) => onGroup?.("claim", rows),
    });
    this.#settlements = new GroupCommit({
      rowsMax,
      commit: (words) => eachAnswered(words, settle),
      onGroup: (rows) => onGroup?.("settle", rows),
    });
  }

  /** Rejects when the database is away: whether it claimed is unknown then, and `SelfAudit` finds out. */
  async claim(claim: Claim): Promise<ClaimAnswer> {
    return answerOf(await this.#claims.add(claim));
  }

  /**
   * Resolves when it stands in the database, however long that takes: the work was done, and only this process knows.
   * There are never more waiting than the worker has slots. Rejects when the database refuses it for what it says.
   */
  async settle(settlement: Settlement): Promise<SettleAnswer> {
    return answerOf(await this.#settlements.add(settlement));
  }
}

type Answered<Answer> =
  | { readonly isAnswered: true; readonly answer: Answer }
  | { readonly isAnswered: false; readonly reason: unknown };

function answerOf<Answer>(answered: Answered<Answer>): Answer {
  if (!answered.isAnswered) throw answered.reason;
  return answered.answer;
}

/**
 * One row that the database refuses for what it says must not take the others of its group along. Nothing of the group
 * was written then, so its halves are tried by themselves, down to the row that is to blame.
 */
async function eachAnswered<Row, Answer>(
  rows: readonly Row[],
  commit: (rows: readonly Row[]) => Promise<readonly Answer[]>,
): Promise<readonly Answered<Answer>[]> {
  try {
    return (await commit(rows)).map((answer) => ({ isAnswered: true, answer }));
  } catch (reason) {
    if (classifyStoreFailure(reason).kind !== "other") throw reason;
    if (rows.length === 1) return [{ isAnswered: false, reason }];
    const middle = Math.ceil(rows.length / 2);
    const first = await eachAnswered(rows.slice(0, middle), commit);
    return [...first, ...(await eachAnswered(rows.slice(middle), commit))];
  }
}

/** Deadlocks and their like: nothing was committed, and the same statement may succeed at once. */
async function repeated<T>(statement: () => Promise<T>): Promise<T> {
  for (let repeats = 0; ; repeats++) {
    try {
      return await statement();
    } catch (error) {
      if (classifyStoreFailure(error).kind !== "repeat" || repeats >= REPEATS_MAX) throw error;
    }
  }
}

async function untilSettled<T>(statement: () => Promise<T>, log: Log): Promise<T> {
  for (let pauseMs = 50; ; pauseMs = Math.min(pauseMs * 2, PAUSE_MS_MAX)) {
    try {
      return await repeated(statement);
    } catch (error) {
      // A mistake in the data would fail for ever; the attempt's time-out, lost lease and retry take care of it.
      if (classifyStoreFailure(error).kind === "other") throw error;
      log.warning("outcomes wait for the database", { error, retry_in_ms: pauseMs });
      await Bun.sleep(pauseMs);
    }
  }
}
