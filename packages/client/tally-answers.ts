import { PartlySentError } from "./errors.ts";
import type { EventLine } from "./event-lines.ts";
import type { Taken } from "./event-shapes.ts";
import type { EventRejection, SendAnswer } from "./event-types.ts";
import { takenBefore } from "./send-request.ts";

/** Adds up what several requests were answered, with positions among all the events that were given. */
export class Tally {
  #accepted = 0;
  #rejectedTotal: number;
  readonly #rejected: EventRejection[];
  readonly #receipts: string[] = [];

  constructor(refused: readonly EventRejection[]) {
    this.#rejected = [...refused];
    this.#rejectedTotal = refused.length;
  }

  add(lines: readonly EventLine[], taken: Taken): void {
    this.#accepted += taken.accepted;
    this.#rejectedTotal += taken.rejected_total ?? taken.rejected.length;
    for (const { index, code, message } of taken.rejected)
      this.#rejected.push({ index: lines[index]?.index ?? index, code, message });
    if (typeof taken.receipt === "string") this.#receipts.push(taken.receipt);
  }

  answer(): SendAnswer {
    return {
      accepted: this.#accepted,
      rejected: this.#rejected.toSorted((one, other) => one.index - other.index),
      rejected_total: this.#rejectedTotal,
      receipt: this.#receipts.length === 0 ? null : this.#receipts.join(","),
    };
  }

  /** The failure of a request, with what was taken in spite of it. */
  failure(error: unknown, lines: readonly EventLine[], idempotencyKey: string): unknown {
    const taken = takenBefore(error);
    if (taken !== undefined) this.add(lines, taken);
    if (this.#accepted === 0 || !(error instanceof Error)) return error;
    const nextIndex = lines[taken?.next_index ?? 0]?.index ?? 0;
    return new PartlySentError(error, { answer: this.answer(), nextIndex, idempotencyKey });
  }
}
