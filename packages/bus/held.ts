import { FREED_SUBJECT, HELD_SUBJECT } from "@millrace/protocol";
import type { Bus } from "./connect.ts";

/** Tasks come by the thousand; whoever is told of one of them looks at all of them. */
const TELL_EVERY_MS = 50;

/**
 * Tells for what tasks are held back, and what of it is free again; a name at most every TELL_EVERY_MS, the last time of a
 * burst included. Whoever is not told looks now and then in any case.
 */
export class HeldTeller {
  readonly #bus: Bus;
  readonly #waiting = new Set<string>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(bus: Bus) {
    this.#bus = bus;
  }

  held(name: string): void {
    this.#tell(`${HELD_SUBJECT} ${name}`);
  }

  freed(name: string): void {
    this.#tell(`${FREED_SUBJECT} ${name}`);
  }

  #tell(word: string): void {
    this.#waiting.add(word);
    this.#timer ??= setTimeout(() => this.flush(), TELL_EVERY_MS);
  }

  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const words = [...this.#waiting];
    this.#waiting.clear();
    if (this.#bus.connection.isClosed()) return;
    for (const word of words) {
      const space = word.indexOf(" ");
      this.#bus.connection.publish(word.slice(0, space), word.slice(space + 1));
    }
  }
}

/** Calls with the name for which tasks are held back now. */
export function onHeld(bus: Bus, handle: (name: string) => void): () => void {
  return hear(bus, HELD_SUBJECT, handle);
}

export function onFreed(bus: Bus, handle: (name: string) => void): () => void {
  return hear(bus, FREED_SUBJECT, handle);
}

function hear(bus: Bus, subject: string, handle: (name: string) => void): () => void {
  const subscription = bus.connection.subscribe(subject, {
    callback: (error, message) => {
      if (error === null) handle(message.string());
    },
  });
  return () => subscription.unsubscribe();
}
