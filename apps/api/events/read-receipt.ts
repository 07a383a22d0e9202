import type { Placement } from "@millrace/protocol/events/index";
import { orStoreFault, readRecorded, type Sql } from "@millrace/store";

export interface ReceiptState {
  readonly accepted: number;
  /** Events that the database has. A message is recorded in one transaction: of each part, all or none. */
  readonly stored: number;
  readonly state: "accepted" | "stored";
}

/** What the recorder's ledger says about the messages that a request's events travel in. */
export async function readReceipt(
  { sql }: { readonly sql: Sql },
  placements: readonly Placement[],
): Promise<ReceiptState> {
  const seqs = placements.map(({ seq }) => seq);
  const { oldestSeq, recorded } = await orStoreFault(readRecorded(sql, seqs));
  let [accepted, stored, open] = [0, 0, 0];
  for (const { seq, count } of placements) {
    const batch = recorded.get(seq);
    const wasRecorded = oldestSeq !== null && seq < oldestSeq;
    accepted += count;
    // A repetition's events were stored before. Of a message that others share, no more than one's own count.
    if (batch !== undefined) stored += Math.min(count, batch.stored + batch.deduplicated);
    else if (wasRecorded) stored += count;
    else open += 1;
  }
  return { accepted, stored, state: open === 0 ? "stored" : "accepted" };
}
