import { LIMIT_CONTENDED_MS, LIMIT_IDLE_MS, LIMIT_LEASE_MS, LIMIT_RENEW_MS } from "@millrace/core/limits";

export interface LimitPermitsOptions {
  /** Sets how many permits this worker holds in all; answers how many it got. Null: there is no such limit any more. */
  readonly lease: (wanted: number) => Promise<number | null>;
  /** On a steady clock. */
  readonly nowMs: () => number;
  /** Permits that may be held beyond those in use, while nobody else needs them. */
  readonly aheadMax: number;
  /** Somebody was refused here. */
  readonly onRefused: () => void;
  /** Permits went back that somebody waits for. */
  readonly onFreed: () => void;
  readonly onFailure: (error: unknown) => void;
}

/** How long a lease is trusted here, from before it was asked for: it ends there a good deal later. */
const TRUSTED_MS = LIMIT_LEASE_MS * 0.75;

/**
 * A worker's permits of one limit of concurrency. It holds a block of them, and asks the database only when that does not
 * do: a limit that nobody meets costs nothing. As soon as somebody is refused anywhere, everybody holds no more than is
 * in use, and tells when one is free.
 *
 * A block is leased. It is renewed long before its end; when that fails for too long nothing new starts here, because the
 * permits are somebody else's by then.
 */
export class LimitPermits {
  readonly #options: LimitPermitsOptions;
  readonly #waiting: ((isGranted: boolean) => void)[] = [];
  #held = 0;
  #running = 0;
  #leasedUntilMs = Number.NEGATIVE_INFINITY;
  #contendedUntilMs = Number.NEGATIVE_INFINITY;
  #peak = 0;
  #peakSinceMs = 0;
  #isAsking = false;
  #isReturnDue = false;
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(options: LimitPermitsOptions) {
    this.#options = options;
  }

  /** One that is held here is not in use, and nobody waits for it. */
  get hasHeld(): boolean {
    return this.#waiting.length === 0 && this.#hasRoom();
  }

  /** That one. */
  takeHeld(): void {
    this.#start();
  }

  /** False: not now. */
  async take(): Promise<boolean> {
    if (this.hasHeld) return this.#start();
    return await new Promise<boolean>((resolve) => {
      this.#waiting.push(resolve);
      void this.#ask();
    });
  }

  giveBack(): void {
    this.#running -= 1;
    if (!this.#isContended()) return;
    this.#isReturnDue = true;
    void this.#ask();
  }

  /** Somebody was refused elsewhere: what is not in use here is his. */
  heed(): void {
    this.#contendedUntilMs = this.#options.nowMs() + LIMIT_CONTENDED_MS;
    if (this.#held <= this.#running) return;
    this.#isReturnDue = true;
    void this.#ask();
  }

  /** Gives back what is not in use; the rest runs out by itself. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#timer = undefined;
    for (const answer of this.#waiting.splice(0)) answer(false);
    if (this.#held > 0) await this.#options.lease(this.#running).catch(this.#options.onFailure);
  }

  #hasRoom(): boolean {
    return this.#running < this.#held && this.#options.nowMs() < this.#leasedUntilMs;
  }

  #start(): true {
    this.#running += 1;
    const nowMs = this.#options.nowMs();
    if (nowMs - this.#peakSinceMs > LIMIT_IDLE_MS) {
      this.#peak = 0;
      this.#peakSinceMs = nowMs;
    }
    this.#peak = Math.max(this.#peak, this.#running);
    return true;
  }

  #isContended(): boolean {
    return this.#options.nowMs() < this.#contendedUntilMs;
  }

  /** One question after the other; each is for all who wait when it is asked. */
  async #ask(): Promise<void> {
    if (this.#isAsking) return;
    this.#isAsking = true;
    try {
      while (this.#waiting.length > 0 || this.#isReturnDue) await this.#askOnce();
    } finally {
      this.#isAsking = false;
    }
  }

  async #askOnce(): Promise<void> {
    const { lease, nowMs, aheadMax, onFreed, onFailure } = this.#options;
    const isReturn = this.#isReturnDue;
    this.#isReturnDue = false;
    const needed = this.#running + this.#waiting.length;
    const wanted = this.#isContended() ? needed : needed + Math.min(aheadMax, needed);
    const before = this.#held;
    this.#keepTo(wanted);
    const askedMs = nowMs();
    try {
      const held = await lease(wanted);
      this.#held = held ?? Number.MAX_SAFE_INTEGER;
      this.#leasedUntilMs = askedMs + TRUSTED_MS;
    } catch (error) {
      onFailure(error);
      for (const answer of this.#waiting.splice(0)) answer(false);
      return;
    }
    if (isReturn && this.#held < before) onFreed();
    this.#keepRenewing();
    this.#answer(this.#held < wanted);
  }

  /** What is beyond may be another worker's before the answer is here: nothing starts under it meanwhile. */
  #keepTo(wanted: number): void {
    this.#held = Math.min(this.#held, wanted);
  }

  /** Whoever came while it was asked, and finds no room, is part of the next question, unless there are no more. */
  #answer(isAll: boolean): void {
    while (this.#waiting.length > 0 && this.#running < this.#held) this.#waiting.shift()?.(this.#start());
    if (this.#waiting.length === 0 || !isAll) return;
    this.#contendedUntilMs = this.#options.nowMs() + LIMIT_CONTENDED_MS;
    for (const answer of this.#waiting.splice(0)) answer(false);
    this.#options.onRefused();
  }

  #keepRenewing(): void {
    this.#timer ??= setInterval(() => void this.#renew(), LIMIT_RENEW_MS);
  }

  async #renew(): Promise<void> {
    const { lease, nowMs, onFailure } = this.#options;
    if (this.#isAsking) return; // Which renews.
    const isIdle = nowMs() - this.#peakSinceMs > LIMIT_IDLE_MS;
    const wanted = Math.max(this.#running, isIdle || this.#isContended() ? 0 : this.#peak);
    if (wanted === 0 && this.#held === 0) {
      clearInterval(this.#timer);
      this.#timer = undefined;
      return;
    }
    this.#isAsking = true;
    this.#keepTo(wanted);
    const askedMs = nowMs();
    try {
      this.#held = (await lease(wanted)) ?? Number.MAX_SAFE_INTEGER;
      this.#leasedUntilMs = askedMs + TRUSTED_MS;
    } catch (error) {
      onFailure(error);
    } finally {
      this.#isAsking = false;
      if (this.#waiting.length > 0 || this.#isReturnDue) void this.#ask();
    }
  }
}
