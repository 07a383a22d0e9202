import type { Bus } from "./connect.ts";
import { onStreamLeader } from "./leader-changes.ts";

/**
 * Whether a stream can be reached, and whether an answer can still come: the client library waits for its whole time-out
 * when the connection is lost, or when the server that led the stream has died, although nobody will answer.
 */
export class StreamReach {
  readonly #waiting = new Set<() => void>();
  /** Set while the connection is lost; resolved when it is back. */
  #return: PromiseWithResolvers<void> | undefined;
  #lostMs = 0;
  readonly #bus: Bus;
  #wasClustered = false;

  constructor(bus: Bus, stream: string) {
    this.#bus = bus;
    onStreamLeader(bus, stream, () => this.#giveUp());
    void this.#watch(bus);
  }

  /** How long the connection has been lost; 0 while it stands. */
  lostForMs(): number {
    return this.#return === undefined ? 0 : Math.max(1, performance.now() - this.#lostMs);
  }

  /** Another server can take over. Known from the servers themselves; while none is there, as it was. */
  isClustered(): boolean {
    const { info } = this.#bus.connection;
    if (info !== undefined) this.#wasClustered = (info.cluster ?? "") !== "";
    return this.#wasClustered;
  }

  /** Resolves at once while the connection stands, and at `endMs` by `performance.now()` at the latest. */
  async untilBack(endMs: number): Promise<void> {
    if (this.#return === undefined) return;
    const timeout = Promise.withResolvers<void>();
    const timer = setTimeout(timeout.resolve, Math.max(0, endMs - performance.now()));
    await Promise.race([this.#return.promise, timeout.promise]);
    clearTimeout(timer);
  }

  /** The answer, or undefined when whoever was asked is gone: then nobody knows what became of it. */
  orGone<T>(request: Promise<T>): Promise<T | undefined> {
    return new Promise((resolve, reject) => {
      const giveUp = (): void => {
        this.#waiting.delete(giveUp);
        resolve(undefined);
      };
      this.#waiting.add(giveUp);
      request.then(resolve, reject).finally(() => this.#waiting.delete(giveUp));
    });
  }

  #giveUp(): void {
    for (const giveUp of this.#waiting) giveUp();
  }

  async #watch({ connection }: Bus): Promise<void> {
    for await (const { type } of connection.status()) {
      if (type === "disconnect" && this.#return === undefined) {
        this.#return = Promise.withResolvers();
        this.#lostMs = performance.now();
        this.#giveUp();
      }
      if (type === "reconnect") {
        this.#return?.resolve();
        this.#return = undefined;
      }
    }
  }
}
