import {
  countLevels,
  countParked,
  type LevelCount,
  listPauses,
  orStoreFault,
  type Pause,
  type Sql,
} from "@millrace/store";

export interface QueueState {
  readonly levels: readonly LevelCount[];
  readonly pauses: readonly Pause[];
  /** Parked tasks by the name that they wait for. */
  readonly parked: ReadonlyMap<string, number>;
}

/** A dashboard in a hundred tabs asks once a second. */
const FRESH_MS = 1_000;

/** Counts the queues at most once a second, however many ask. What is paused is always read anew. */
export class QueueCounts {
  readonly #sql: Sql;
  #levels: Promise<readonly LevelCount[]> | undefined;
  #countedAtMs = Number.NEGATIVE_INFINITY;

  constructor(sql: Sql) {
    this.#sql = sql;
  }

  /** Throws STORE_UNAVAILABLE. */
  async read(): Promise<QueueState> {
    const [levels, pauses] = await orStoreFault(Promise.all([this.#count(), listPauses(this.#sql)]));
    const types = pauses.filter((pause) => !pause.isLane).map((pause) => pause.name);
    const parked = types.length === 0 ? NONE : await orStoreFault(countParked(this.#sql, types));
    return { levels, pauses, parked };
  }

  #count(): Promise<readonly LevelCount[]> {
    const nowMs = performance.now();
    if (this.#levels !== undefined && nowMs - this.#countedAtMs < FRESH_MS) return this.#levels;
    this.#countedAtMs = nowMs;
    const levels = countLevels(this.#sql);
    this.#levels = levels;
    levels.catch(() => {
      if (this.#levels === levels) this.#levels = undefined;
    });
    return levels;
  }
}

const NONE: ReadonlyMap<string, number> = new Map();
