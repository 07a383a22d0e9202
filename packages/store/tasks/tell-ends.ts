import { ADVANCE_ROUNDS_MAX, SCHEDULE_HORIZON_MS } from "@millrace/core/limits";
import type { LiveTask } from "@millrace/protocol";
import type { Sql } from "../connect.ts";
import { classifyStoreFailure } from "../retryable.ts";
import { advanceGraphs, type FailedDescendant, type GraphRound } from "./advance-graphs.ts";
import { type DueDispatch, loadDispatches } from "./load-dispatches.ts";

export interface EndTellerOptions {
  readonly sql: Sql;
  /** Writes the messages of released tasks. What it fails to write, the reconciler writes later. */
  readonly publish: (due: readonly DueDispatch[]) => Promise<unknown>;
  /** To whoever follows the tasks. */
  readonly tell: (step: LiveTask) => void;
  readonly onFailure: (error: unknown) => void;
}

/** Payloads may have 256 KiB each. */
const PUBLISHED_AT_ONCE = 200;
const REPEATS_MAX = 3;

/**
 * Tells children of their parents' ends, and writes the messages of those that are released. Whoever ends tasks nudges it;
 * the scheduler does so from time to time, for those who died before they could. One round at a time: ends that come in
 * the meantime are told together.
 */
export class EndTeller {
  readonly #options: EndTellerOptions;
  #isAsked = false;
  #work: Promise<void> | undefined;

  constructor(options: EndTellerOptions) {
    this.#options = options;
  }

  nudge(): void {
    this.#isAsked = true;
    this.#work ??= this.#run().finally(() => {
      this.#work = undefined;
      if (this.#isAsked) this.nudge(); // Somebody asked between the last look and the end.
    });
  }

  /** Resolves when nobody has asked for more. */
  async drain(): Promise<void> {
    while (this.#work !== undefined) await this.#work;
  }

  /** Until there is nothing to tell, or for long enough; how many parents it told of. Throws what the store throws. */
  async tellAll(): Promise<number> {
    let parents = 0;
    for (let rounds = 0; rounds < ADVANCE_ROUNDS_MAX; rounds++) {
      const round = await repeated(() => advanceGraphs(this.#options.sql));
      if (round.parents === 0) break;
      parents += round.parents;
      await this.#followUp(round);
    }
    return parents;
  }

  async #run(): Promise<void> {
    while (this.#isAsked) {
      this.#isAsked = false;
      try {
        await this.tellAll();
      } catch (error) {
        this.#options.onFailure(error);
      }
    }
  }

  async #followUp({ released, failed }: GraphRound): Promise<void> {
    const { sql, publish, tell, onFailure } = this.#options;
    for (const descendant of failed) tell(stepOf(descendant));
    for (let from = 0; from < released.length; from += PUBLISHED_AT_ONCE) {
      const due = await loadDispatches(sql, released.slice(from, from + PUBLISHED_AT_ONCE));
      const nowMs = Date.now();
      for (const { dispatch, readyAt } of due) {
        const { seq, task_id, attempt, task_type, lane, priority } = dispatch;
        const phase = readyAt.getTime() > nowMs ? "scheduled" : "queued";
        tell({ seq, task_id, status: "pending", phase, attempt: attempt - 1, task_type, lane, priority });
      }
      const near = due.filter(({ readyAt }) => readyAt.getTime() <= nowMs + SCHEDULE_HORIZON_MS);
      if (near.length > 0) await publish(near).catch(onFailure);
    }
  }
}

function stepOf({ seq, taskId, taskType, lane, attempt }: FailedDescendant): LiveTask {
  return { seq, task_id: taskId, task_type: taskType, lane, status: "failed", phase: "dead", attempt };
}

async function repeated(round: () => Promise<GraphRound>): Promise<GraphRound> {
  for (let repeats = 0; ; repeats++) {
    try {
      return await round();
    } catch (error) {
      if (classifyStoreFailure(error).kind !== "repeat" || repeats >= REPEATS_MAX) throw error;
    }
  }
}
