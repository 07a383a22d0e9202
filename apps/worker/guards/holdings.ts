import type { HeldTeller } from "@millrace/bus";
import { GroupCommit, readGuardName } from "@millrace/core";
import type { CounterMetric } from "@millrace/observe";
import { type Hold, type HoldAnswer, holdTasks, type Sql } from "@millrace/store";

/** Parks what guards hold back, in group commits, and says so to whoever lets it go on. */
export class Holdings {
  readonly #group: GroupCommit<Hold, HoldAnswer>;
  readonly #teller: Pick<HeldTeller, "held">;
  readonly #held: CounterMetric<"guard">;

  constructor(sql: Sql, teller: Pick<HeldTeller, "held">, held: CounterMetric<"guard">) {
    this.#group = new GroupCommit<Hold, HoldAnswer>({ commit: (holds) => holdTasks(sql, holds) });
    this.#teller = teller;
    this.#held = held;
  }

  async hold(hold: Hold): Promise<HoldAnswer> {
    const answer = await this.#group.add(hold);
    if (answer === "held") {
      this.#held.add({ guard: readGuardName(hold.name)?.kind ?? "unknown" });
      this.#teller.held(hold.name);
    }
    return answer;
  }
}
