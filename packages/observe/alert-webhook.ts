import {
  ALERT_NOTICES_WAITING_MAX,
  ALERT_WEBHOOK_MS_MAX,
  ALERT_WEBHOOK_TRIES_MAX,
} from "@millrace/core/limits";
import type { Log } from "./log.ts";
import type { Metrics } from "./metrics.ts";

export interface AlertWebhookOptions {
  readonly url: string;
  /** Signs each body; undefined: none is signed. */
  readonly secret: string | undefined;
  readonly log: Log;
  readonly metrics: Metrics;
  /** Between two tries: so long, then twice as long, … */
  readonly pauseMs?: number;
}

const PAUSE_MS = 500;

/**
 * Posts what people should hear of to a URL that the operator chose, one after the other and in order. Never holds anybody up: what
 * waits is bounded, each call has a time-out and a few tries, redirects are not followed, and what does not get through is
 * counted and logged. The receiver tells repetitions by `X-Millrace-Delivery`.
 *
 * With a secret, `X-Millrace-Signature` is `sha256=` and the hexadecimal HMAC-SHA256 of `<X-Millrace-Timestamp>.<body>`.
 */
export class AlertWebhook {
  readonly #options: AlertWebhookOptions;
  readonly #ends: { add(labels: { readonly end: string }): void };
  #waiting: string[] = [];
  #loop: Promise<void> | undefined;

  constructor(options: AlertWebhookOptions) {
    this.#options = options;
    const ends = options.metrics.counter<"end">({
      name: "millrace_alert_notices_total",
      help: "Notices for the webhook, by end: sent, failed, dropped (too many waited).",
      labels: ["end"],
    });
    for (const end of ["sent", "failed", "dropped"]) ends.add({ end }, 0);
    this.#ends = ends;
  }

  tell(notice: unknown): void {
    if (this.#waiting.length >= ALERT_NOTICES_WAITING_MAX) {
      this.#ends.add({ end: "dropped" });
      this.#options.log.error("a notice of an alert was dropped: too many wait for the webhook");
      return;
    }
    this.#waiting.push(JSON.stringify(notice));
    this.#loop ??= this.#send().finally(() => {
      this.#loop = undefined;
    });
  }

  /** Resolves when nothing waits any more, or after so long. */
  async drain(msMax: number): Promise<void> {
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, msMax);
    await Promise.race([this.#loop, late]);
    clearTimeout(timer);
  }

  async #send(): Promise<void> {
    for (let body = this.#waiting.shift(); body !== undefined; body = this.#waiting.shift()) {
      const isSent = await this.#post(body);
      this.#ends.add({ end: isSent ? "sent" : "failed" });
    }
  }

  async #post(body: string): Promise<boolean> {
    const { log, pauseMs = PAUSE_MS } = this.#options;
    const delivery = Bun.randomUUIDv7();
    for (let tries = 1; ; tries += 1) {
      const problem = await this.#try(body, delivery);
      if (problem === null) return true;
      if (tries === ALERT_WEBHOOK_TRIES_MAX) {
        log.error("the webhook did not take a notice of an alert", { problem, tries });
        return false;
      }
      await Bun.sleep(pauseMs * 2 ** (tries - 1));
    }
  }

  /** Null when it was taken; else why not. */
  async #try(body: string, delivery: string): Promise<string | null> {
    const { url, secret } = this.#options;
    const timestamp = String(Math.floor(Date.now() / 1_000));
    const headers: Record<string, string> = {
      "Content-Type": "application/json",
      "User-Agent": "millrace",
      "X-Millrace-Delivery": delivery,
      "X-Millrace-Timestamp": timestamp,
    };
    if (secret !== undefined) {
      const hmac = new Bun.CryptoHasher("sha256", secret).update(`${timestamp}.${body}`).digest("hex");
      headers["X-Millrace-Signature"] = `sha256=${hmac}`;
    }
    try {
      const signal = AbortSignal.timeout(ALERT_WEBHOOK_MS_MAX);
      const response = await fetch(url, { method: "POST", headers, body, signal, redirect: "manual" });
      await response.body?.cancel();
      return response.ok ? null : `it answered ${response.status}`;
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }
}
