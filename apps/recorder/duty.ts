import type { Log } from "@millrace/observe";

export interface DutyOptions {
  readonly name: string;
  readonly everyMs: number;
  readonly round: () => Promise<void>;
  readonly log: Log;
}

/** Does something over and over, one round after the other; a round that fails is told, and comes again. Returns its end. */
export function startDuty({ name, everyMs, round, log }: DutyOptions): () => Promise<void> {
  const stopping = Promise.withResolvers<void>();
  let isStopped = false;
  const run = async (): Promise<void> => {
    while (!isStopped) {
      try {
        await round();
      } catch (error) {
        log.warning("a duty failed and comes again", { duty: name, error });
      }
      if (isStopped) return;
      const { promise, resolve } = Promise.withResolvers<void>();
      // Several recorders started together should not work at the same moments.
      const timer = setTimeout(resolve, everyMs * (0.9 + Math.random() * 0.2));
      await Promise.race([promise, stopping.promise]);
      clearTimeout(timer);
    }
  };
  const running = run();
  return async () => {
    isStopped = true;
    stopping.resolve();
    await running;
  };
}
