import { GroupCommit } from "@millrace/core";
import { orStoreFault, type SettleAnswer, type Settlement, type Sql, settleAttempts } from "@millrace/store";
import { repeated } from "../tasks/intake.ts";

interface Row {
  readonly session: string;
  readonly settlement: Settlement;
}

type Answered = { readonly answer: SettleAnswer } | { readonly reason: unknown };

/** Writes down how leased attempts ended: what comes at the same time goes together, one statement for each worker. */
export class LeaseEnds {
  readonly #group: GroupCommit<Row, Answered>;

  constructor(sql: Sql) {
    this.#group = new GroupCommit<Row, Answered>({ commit: (rows) => settleAll(sql, rows) });
  }

  /** Resolves after the commit. Throws what the store throws. */
  async settle(session: string, settlement: Settlement): Promise<SettleAnswer> {
    const answered = await this.#group.add({ session, settlement });
    if ("reason" in answered) throw answered.reason;
    return answered.answer;
  }

  drain(): Promise<void> {
    return this.#group.drain();
  }
}

/** What fails for one worker, fails for it alone. */
async function settleAll(sql: Sql, rows: readonly Row[]): Promise<readonly Answered[]> {
  const answers: Answered[] = rows.map(() => ({ reason: new Error("not settled") }));
  const bySession = Map.groupBy(rows.entries(), ([, row]) => row.session);
  await Promise.all(
    [...bySession].map(async ([session, own]) => {
      try {
        const settlements = own.map(([, row]) => row.settlement);
        const told = await orStoreFault(repeated(() => settleAttempts(sql, session, settlements)));
        for (const [place, [index]] of own.entries()) {
          const answer = told[place];
          if (answer !== undefined) answers[index] = { answer };
        }
      } catch (reason) {
        for (const [index] of own) answers[index] = { reason };
      }
    }),
  );
  return answers;
}
