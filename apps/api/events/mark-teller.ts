import type { EventMark } from "@millrace/bus";

/** Who numbers the messages of events. */
export interface MarkSource {
  /** What was not told yet; nothing while nothing is published. */
  marks(): readonly EventMark[];
  marksTold(marks: readonly EventMark[]): void;
}

const TELL_EVERY_MS = 1_000;

/**
 * Tells the ledger how far this process has come: about once a second while it publishes, never when it does not. That
 * goes by the database, and not by the stream whose losses it shall show. While the database is away nothing is told,
 * and everything by the next time. The returned function tells a last time and ends it.
 *
 * What a process that was killed accepted in its last second is covered only by later messages of its own, and there
 * are none.
 */
export function startMarkTeller(
  source: MarkSource,
  tell: (marks: readonly EventMark[]) => Promise<void>,
  everyMs: number = TELL_EVERY_MS,
): () => Promise<void> {
  let telling: Promise<void> | undefined;
  const round = async (): Promise<void> => {
    const marks = source.marks();
    if (marks.length === 0) return;
    try {
      await tell(marks);
      source.marksTold(marks);
    } catch {
      // The next round has all of it again; whether the database is well, others tell.
    }
  };
  const timer = setInterval(() => {
    telling ??= round().finally(() => {
      telling = undefined;
    });
  }, everyMs);
  return async () => {
    clearInterval(timer);
    await telling;
    await round();
  };
}
