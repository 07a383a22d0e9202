import { type Bus, followEvents } from "@millrace/bus";
import { TAIL_BYTES_PER_SECOND_MAX } from "@millrace/core/limits";
import { type TailedEvent, type TailMessage, tailedEvents } from "./tail-lines.ts";

/** Somebody who watches what comes in. */
export interface TailWatcher {
  onEvent(tailed: TailedEvent): void;
  /** Messages that nobody in this process has read, because the stream was faster. */
  onSkipped(messages: number): void;
}

/** What comes into the stream, live. */
export interface EventTail {
  /** The returned function ends it. */
  watch(watcher: TailWatcher): () => void;
}

/** One reader of the stream for all viewers of this process, and none when nobody watches. Each line is parsed once. */
export class BusEventTail implements EventTail {
  readonly #bus: Bus;
  readonly #watchers = new Set<TailWatcher>();
  #unfollow: (() => void) | undefined;

  constructor(bus: Bus) {
    this.#bus = bus;
  }

  watch(watcher: TailWatcher): () => void {
    this.#watchers.add(watcher);
    this.#unfollow ??= followEvents(this.#bus, {
      onMessages: (messages) => this.#show(messages),
      onSkipped: (messages) => {
        for (const each of this.#watchers) each.onSkipped(messages);
      },
      bytesPerSecond: TAIL_BYTES_PER_SECOND_MAX,
    });
    return () => {
      this.#watchers.delete(watcher);
      if (this.#watchers.size > 0) return;
      this.#unfollow?.();
      this.#unfollow = undefined;
    };
  }

  #show(messages: readonly TailMessage[]): void {
    for (const message of messages)
      for (const tailed of tailedEvents(message))
        for (const watcher of this.#watchers) watcher.onEvent(tailed);
  }
}
