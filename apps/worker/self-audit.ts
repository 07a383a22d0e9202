import type { DispatchPublisher } from "@millrace/bus";
import type { Log } from "@millrace/observe";
import { listClaims, loadDispatches, type Sql, settleAttempts } from "@millrace/store";
import type { RunningAttempts } from "./running.ts";

export interface SelfAuditOptions {
  readonly sql: Sql;
  readonly session: string;
  readonly running: RunningAttempts;
  readonly publisher: DispatchPublisher;
  readonly log: Log;
  /** How long after a request it looks, and looks again; and how long after a look that failed. */
  readonly lookMs?: number;
  readonly retryMs?: number;
}

/** Claims that are being answered right now look like orphans; the second look tells them apart. */
const LOOK_MS = 2_000;
const RETRY_MS = 5_000;

/**
 * Gives back what the database says this worker runs and it does not: a claim that was committed while its answer got
 * lost, an attempt whose handling broke. Looks only when something of the kind happened.
 */
export class SelfAudit {
  readonly #options: SelfAuditOptions;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isStopped = false;
  #suspects = new Set<string>();

  constructor(options: SelfAuditOptions) {
    this.#options = options;
  }

  request(): void {
    this.#lookIn(this.#options.lookMs ?? LOOK_MS);
  }

  /** For good: a look that is under way is the last. */
  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #lookIn(delayMs: number): void {
    if (!this.#isStopped) this.#timer ??= setTimeout(() => void this.#look(), delayMs);
  }

  async #look(): Promise<void> {
    this.#timer = undefined;
    const { sql, session, running, log } = this.#options;
    try {
      const claims = await listClaims(sql, session);
      const orphans = claims.filter((claim) => !running.has(claim.seq));
      const certain = orphans.filter((claim) => this.#suspects.has(`${claim.seq}:${claim.attempt}`));
      this.#suspects = new Set(orphans.map((claim) => `${claim.seq}:${claim.attempt}`));
      if (certain.length > 0) await this.#giveBack(certain);
      if (orphans.length > certain.length) this.request();
    } catch (error) {
      log.warning("the audit of our claims failed and is tried again", { error });
      this.#lookIn(this.#options.retryMs ?? RETRY_MS);
    }
  }

  async #giveBack(orphans: readonly { seq: number; attempt: number }[]): Promise<void> {
    const { sql, session, publisher, log } = this.#options;
    await settleAttempts(
      sql,
      session,
      orphans.map(({ seq, attempt }) => ({ seq, attempt, kind: "returned" as const, delay_ms: 0 })),
    );
    const due = await loadDispatches(
      sql,
      orphans.map((orphan) => orphan.seq),
    );
    await publisher.publish(due.map(({ dispatch }) => ({ dispatch })));
    log.warning("claims that nobody ran were given back", { tasks: orphans.length });
  }
}
