import { ACCESS_TOKEN_S } from "@millrace/core/limits";
import { eventStream, type Frame, frameOf } from "../live/event-stream.ts";
import type { Overview } from "./overview.ts";

export interface Viewing {
  readonly ownerId: number | null;
  readonly draining: AbortSignal;
}

/** A stream ends with the token that opened it, or a little later: who lost a right must not watch for ever. */
const STREAM_MS_MAX = ACCESS_TOKEN_S * 1_000;

/** Streams of the overview to any number of viewers: what all of them see is put into words once. */
export class OverviewBroadcast {
  readonly #overview: Overview;
  /** Of the tick, or the moment, that it was made in; all watchers are called in one turn. */
  #tick: Frame | undefined;
  #steps: Frame | null | undefined;

  constructor(overview: Overview) {
    this.#overview = overview;
  }

  /** Throws OVERLOADED. */
  stream({ ownerId, draining }: Viewing): Response {
    return eventStream({
      draining,
      start: (stream) => {
        const first = ownerId === null ? this.#overview.whole() : this.#overview.own(ownerId);
        stream.send("overview", first);
        const end = setTimeout(() => stream.close(), STREAM_MS_MAX);
        const stop = this.#overview.watch({
          ownerId,
          onTick: () =>
            ownerId === null
              ? stream.sendFrame(this.#sharedTick())
              : stream.send("overview", this.#overview.own(ownerId)),
          onSteps: () => {
            const frame = this.#sharedSteps();
            if (frame !== null) stream.sendFrame(frame);
          },
        });
        return () => {
          clearTimeout(end);
          stop();
        };
      },
    });
  }

  #sharedTick(): Frame {
    if (this.#tick === undefined) {
      this.#tick = frameOf("tick", this.#overview.tick());
      queueMicrotask(() => {
        this.#tick = undefined;
      });
    }
    return this.#tick;
  }

  #sharedSteps(): Frame | null {
    if (this.#steps === undefined) {
      const notice = this.#overview.takeSteps();
      this.#steps = notice === null ? null : frameOf("steps", notice);
      queueMicrotask(() => {
        this.#steps = undefined;
      });
    }
    return this.#steps;
  }
}
