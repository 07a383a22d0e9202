import { type AlertChange, AlertWatch, type Round } from "@millrace/core/alerts/alert-watch";
import type { AlertRule } from "@millrace/core/alerts/rules";
import type { AlertRecord } from "@millrace/protocol/alerts";
import type { AlertBook } from "./alert-book.ts";

export interface AlertKeeperOptions {
  readonly rules: readonly AlertRule[];
  readonly book: Pick<AlertBook, "list" | "write" | "refresh">;
  /** Called once for each change that this process brought about: to log it, and to call a webhook. Must not wait. */
  readonly tell: (record: AlertRecord) => void;
  /** Told when the book cannot be written: NATS is away. */
  readonly onFailure?: (error: unknown) => void;
  /** Epoch milliseconds. */
  readonly wallMs: () => number;
}

/**
 * Judges what is measured, and makes it so. Several processes may do it side by side: the book lets one of them bring each
 * change about. While NATS is away there is no book; then each process goes by itself, tells what it sees, and writes it
 * down when NATS is back. People may hear of such an alert from two processes: once too often is better than not at all.
 */
export class AlertKeeper {
  readonly #options: AlertKeeperOptions;
  readonly #watch: AlertWatch;
  /** What was told without the book. */
  readonly #unwritten = new Map<string, AlertRecord>();
  #isBookStale = false;

  constructor(options: AlertKeeperOptions) {
    this.#options = options;
    this.#watch = new AlertWatch(options.rules);
  }

  /** Alerts that fire, as this process sees them, those included that stand in no book yet. */
  unwritten(): readonly AlertRecord[] {
    return [...this.#unwritten.values()];
  }

  /** One round. `isBookAway`: NATS is known to be away, so that nothing waits for it. Never rejects. */
  async round(round: Round, isBookAway = false): Promise<void> {
    if (isBookAway) this.#isBookStale = true;
    else await this.#catchUp(round);
    for (const change of this.#watch.judge(round)) await this.#bring(change, isBookAway);
  }

  /** What others did meanwhile; and what this process did while there was no book. */
  async #catchUp(round: Round): Promise<void> {
    try {
      if (this.#isBookStale) await this.#options.book.refresh();
      this.#isBookStale = false;
      for (const record of this.#unwritten.values()) await this.#options.book.write(record);
      this.#unwritten.clear();
    } catch (error) {
      this.#isBookStale = true;
      this.#options.onFailure?.(error);
      return;
    }
    for (const record of this.#options.book.list()) {
      if (!round.isMeasured(record.rule, record.labels)) continue;
      if (record.state === "resolved") this.#dropIfOlder(record);
      else this.#watch.adopt({ ...record, sinceMs: Date.parse(record.since) });
    }
  }

  /** Resolved by another process: since then it may have fired here anew. */
  #dropIfOlder(record: AlertRecord): void {
    const firing = this.#watch.firing().find(({ id }) => id === record.id);
    if (firing !== undefined && firing.sinceMs <= Date.parse(record.resolved_at ?? record.since))
      this.#watch.drop(record.id);
  }

  async #bring({ kind, alert }: AlertChange, isBookAway: boolean): Promise<void> {
    const { sinceMs, ...words } = alert;
    const now = new Date(this.#options.wallMs()).toISOString();
    const record: AlertRecord =
      kind === "fire"
        ? { ...words, state: "firing", since: now, resolved_at: null }
        : { ...words, state: "resolved", since: new Date(sinceMs).toISOString(), resolved_at: now };
    const isOurs = isBookAway || this.#isBookStale ? this.#keep(record) : await this.#write(record);
    if (kind === "resolve") this.#watch.drop(alert.id);
    else this.#watch.adopt({ ...alert, sinceMs: Date.parse(record.since) });
    if (isOurs) this.#options.tell(record);
  }

  async #write(record: AlertRecord): Promise<boolean> {
    try {
      return await this.#options.book.write(record);
    } catch (error) {
      this.#isBookStale = true;
      this.#options.onFailure?.(error);
      return this.#keep(record);
    }
  }

  #keep(record: AlertRecord): boolean {
    this.#unwritten.set(record.id, record);
    return true;
  }
}
