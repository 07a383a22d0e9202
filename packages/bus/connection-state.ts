import type { Bus } from "./connect.ts";

/** Whether a connection stands, kept by what the client library tells of it: asking costs nothing. */
export class ConnectionState {
  #isConnected = true;
  #reconnects = 0;
  #lostMs = Number.NEGATIVE_INFINITY;

  constructor({ connection }: Pick<Bus, "connection">) {
    void this.#follow(connection.status());
    void connection.closed().then(() => {
      this.#isConnected = false;
    });
  }

  isConnected(): boolean {
    return this.#isConnected;
  }

  /** When the connection was lost last, by `performance.now()`; minus infinity when it never was. */
  lostMs(): number {
    return this.#lostMs;
  }

  /** Since this was made. */
  reconnects(): number {
    return this.#reconnects;
  }

  async #follow(statuses: AsyncIterable<{ readonly type: string }>): Promise<void> {
    for await (const { type } of statuses) {
      if (type === "disconnect") {
        this.#isConnected = false;
        this.#lostMs = performance.now();
      }
      if (type !== "reconnect") continue;
      this.#isConnected = true;
      this.#reconnects += 1;
    }
  }
}
