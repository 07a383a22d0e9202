/** The internal id of a task begins with its time: see `seq_at` in the migration of tasks. */
const SEQ_EPOCH_MS = 1_735_689_600_000;
const SEQS_PER_MS = 4_096;

/** When the task was stored, in epoch ms. */
export function submittedAtMs(seq: number): number {
  return SEQ_EPOCH_MS + Math.floor(seq / SEQS_PER_MS);
}
