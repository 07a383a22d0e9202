import type { BreakerBoard } from "@millrace/bus";
import type { Random } from "@millrace/core";
import { askBreaker, type Breaker, type BreakerEvent, type HostVerdict } from "@millrace/core/breaker";
import { type CallWindow, countCall, isHostDown, NO_CALLS } from "@millrace/core/call-window";
import { BREAKER_HOSTS_MAX, BREAKER_PROBE_RENEW_MS } from "@millrace/core/limits";

export interface HostBreakersOptions {
  readonly board: Pick<BreakerBoard, "get" | "change">;
  /** Names a probe of this worker. */
  readonly session: string;
  /** Tasks that this worker may run at once. */
  readonly slots: number;
  readonly random: Random;
  /** Epoch ms. */
  readonly nowMs: () => number;
}

/** How a call went, as far as it says something about its host. */
export interface CallEnd {
  readonly verdict: HostVerdict;
  /** For people: the error's code. */
  readonly reason: string;
  readonly retryAfterMs?: number;
}

/** A call to a host that may start. Whoever has one ends it, once. */
export interface CallPermit {
  /** True: it was a probe and failed, which is no failure of its task. */
  end(end: CallEnd): boolean;
}

/** What is counted of a host in one of its states: what was called before it changed says nothing about it now. */
interface Host {
  window: CallWindow;
  running: number;
  stateSinceMs: number;
}

/**
 * The breakers of the hosts that this worker calls: asks before a call, counts after it, opens when too many failed.
 * The states are everybody's; the counts are this worker's own, of the hosts that it called last.
 */
export class HostBreakers {
  readonly #options: HostBreakersOptions;
  readonly #hosts = new Map<string, Host>();
  #probes = 0;

  constructor(options: HostBreakersOptions) {
    this.#options = options;
  }

  /** Null: not now. */
  async ask(origin: string): Promise<CallPermit | null> {
    const { board, slots, nowMs } = this.#options;
    const breaker = board.get(origin);
    const host = this.#hostOf(origin, breaker);
    const answer = askBreaker(breaker, { nowMs: nowMs(), running: host.running, slots });
    if (answer === "wait") return null;
    if (answer === "probe") return await this.#probe(origin);
    return this.#call(origin, host);
  }

  #call(origin: string, host: Host): CallPermit {
    const { stateSinceMs } = host;
    host.running += 1;
    return {
      end: (end) => {
        host.running -= 1;
        if (end.verdict !== "unknown" && host.stateSinceMs === stateSinceMs) this.#count(origin, host, end);
        return false;
      },
    };
  }

  #count(origin: string, host: Host, end: CallEnd): void {
    const { board, nowMs, random } = this.#options;
    const breaker = board.get(origin);
    if (breaker.sinceMs !== host.stateSinceMs) return;
    host.window = countCall(host.window, end.verdict === "failing", nowMs());
    if (end.verdict !== "failing" || !isHostDown(host.window, nowMs(), breaker.kind === "closing")) return;
    this.#change(origin, { kind: "trip", nowMs: nowMs(), random, ...why(end) });
  }

  async #probe(origin: string): Promise<CallPermit | null> {
    const { board, nowMs, random, session } = this.#options;
    this.#probes += 1;
    const by = `${session}#${this.#probes}`;
    const isOurs = (await board.change(origin, { kind: "probe", nowMs: nowMs(), by })) !== null;
    if (!isOurs) return null;
    const timer = setInterval(
      () => this.#change(origin, { kind: "renew", nowMs: nowMs(), by }),
      BREAKER_PROBE_RENEW_MS,
    );
    return {
      end: (end) => {
        clearInterval(timer);
        const at = { nowMs: nowMs(), by };
        if (end.verdict === "healthy") this.#change(origin, { kind: "probe_succeeded", ...at });
        else if (end.verdict === "unknown") this.#change(origin, { kind: "probe_dropped", ...at });
        else this.#change(origin, { kind: "probe_failed", ...at, random, ...why(end) });
        return end.verdict === "failing";
      },
    };
  }

  /** The board tells its own failures; what it could not write, it tries again at the next change. */
  #change(origin: string, event: BreakerEvent): void {
    void this.#options.board.change(origin, event).catch(() => {});
  }

  #hostOf(origin: string, { sinceMs }: Breaker): Host {
    const known = this.#hosts.get(origin);
    const host = known ?? { window: NO_CALLS, running: 0, stateSinceMs: sinceMs };
    if (host.stateSinceMs !== sinceMs) {
      host.stateSinceMs = sinceMs;
      host.window = NO_CALLS;
    }
    this.#hosts.delete(origin);
    this.#hosts.set(origin, host);
    if (this.#hosts.size > BREAKER_HOSTS_MAX) {
      const oldest = this.#hosts.keys().next().value;
      if (oldest !== undefined) this.#hosts.delete(oldest);
    }
    return host;
  }
}

function why({ reason, retryAfterMs }: CallEnd): { readonly reason: string; readonly retryAfterMs?: number } {
  return retryAfterMs === undefined ? { reason } : { reason, retryAfterMs };
}
