import { Fault } from "@millrace/core";
import { EVENTS_HELD_BYTES_MAX } from "@millrace/core/limits";

const RETRY_AFTER_S = 1;

/**
 * Bytes of events that this process holds: being read, or waiting for the stream. A request reserves its share before
 * its body is read, and the one that would pass the bound is refused at once: memory stays flat, however slow the
 * broker is and however many clients push.
 */
export class HeldBytes {
  readonly #bytesMax: number;
  #bytes = 0;

  constructor(bytesMax: number = EVENTS_HELD_BYTES_MAX) {
    this.#bytesMax = bytesMax;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Throws EVENTS_BACKLOG when there is no room. */
  reserve(bytes: number): Reservation {
    const reservation = new Reservation((change) => {
      if (change > 0 && this.#bytes + change > this.#bytesMax) throw this.#refusal();
      this.#bytes += change;
    });
    reservation.add(bytes);
    return reservation;
  }

  #refusal(): Fault {
    return new Fault("EVENTS_BACKLOG", "this process holds as many bytes of events as it may", {
      retryAfterS: RETRY_AFTER_S,
      members: { limit: { name: "bytes held by the api", bytes: this.#bytesMax } },
    });
  }
}

/** One request's share. */
export class Reservation {
  readonly #change: (bytes: number) => void;
  #bytes = 0;

  constructor(change: (bytes: number) => void) {
    this.#change = change;
  }

  /** Throws EVENTS_BACKLOG; then the share is as large as before. */
  add(bytes: number): void {
    this.#change(bytes);
    this.#bytes += bytes;
  }

  /** Gives everything back; again does nothing. */
  release(): void {
    this.#change(-this.#bytes);
    this.#bytes = 0;
  }
}
