import type { ByteSource } from "@millrace/blobs";
import { UPLOAD_MS_MAX, UPLOAD_SILENCE_MS_MAX, UPLOAD_STALL_MS_MAX } from "@millrace/core/limits";
import { freeChunk } from "../files/free-chunk.ts";
import { lent } from "../files/lent.ts";
import { readTurns } from "../files/read-turns.ts";

const LOOK_EVERY_MS = 250;

export interface Clock {
  nowMs(): number;
  /** Calls again and again until the returned function is called. */
  every(periodMs: number, call: () => void): () => void;
}

export const CLOCK: Clock = {
  nowMs: () => performance.now(),
  every: (periodMs, call) => {
    const timer = setInterval(call, periodMs);
    return () => clearInterval(timer);
  },
};

/** What of a stream's reader is needed: the types of Bun's and of Node's readers differ in the rest. */
interface ByteReader {
  read(): Promise<{ readonly done: boolean; readonly value?: Uint8Array | undefined }>;
  cancel(): Promise<void>;
}

export interface ReceptionOptions {
  readonly body: ReadableStream<Uint8Array> | null;
  readonly onChunk: (bytes: number) => void;
  /** Ends the reception, so that what came is kept before the process ends. */
  readonly draining: AbortSignal;
  readonly clock?: Clock;
}

/**
 * The bytes of one request. They end early, as if there were no more, when the sender is silent for too long, when
 * somebody else waits for the upload and the sender stalls, or when the process is told to stop: the answer then says
 * how far the upload is, and whoever still sends goes on from there.
 *
 * Time that the storage takes does not count as silence.
 */
export class Reception {
  readonly #options: ReceptionOptions;
  readonly #clock: Clock;
  readonly #reader: ByteReader | undefined;
  #isWanted = false;
  #isCutShort = false;
  /** Since when the sender is waited for. */
  #waitingSinceMs: number | undefined;
  #startedMs = 0;

  constructor(options: ReceptionOptions) {
    this.#options = options;
    this.#clock = options.clock ?? CLOCK;
    this.#reader = options.body?.getReader();
  }

  /** Whether it ended before the sender did. */
  get isCutShort(): boolean {
    return this.#isCutShort;
  }

  /** Somebody waits for this upload. */
  giveWay(): void {
    this.#isWanted = true;
  }

  /** What is given back is freed at once. */
  source(): Required<ByteSource> {
    return lent(this.bytes(), freeChunk);
  }

  async *bytes(): AsyncGenerator<Uint8Array> {
    const reader = this.#reader;
    if (reader === undefined) return;
    const { draining } = this.#options;
    const stop = () => this.#cutShort();
    const stopWatching = this.#clock.every(LOOK_EVERY_MS, () => this.#look());
    this.#startedMs = this.#clock.nowMs();
    draining.addEventListener("abort", stop, { once: true });
    if (draining.aborted) stop();
    const turns = readTurns.join();
    try {
      for (;;) {
        this.#waitingSinceMs = this.#clock.nowMs();
        const { done, value } = await reader.read();
        this.#waitingSinceMs = undefined;
        if (done || value === undefined) return;
        this.#options.onChunk(value.byteLength);
        await turns.next(); // Before the next one is asked for.
        yield value;
      }
    } finally {
      turns.leave();
      stopWatching();
      draining.removeEventListener("abort", stop);
      // What is not read is thrown away by the server; the connection stays usable.
      void reader.cancel().catch(() => {});
    }
  }

  #look(): void {
    const nowMs = this.#clock.nowMs();
    const silentMs = this.#waitingSinceMs === undefined ? 0 : nowMs - this.#waitingSinceMs;
    const silentMsMax = this.#isWanted ? UPLOAD_STALL_MS_MAX : UPLOAD_SILENCE_MS_MAX;
    if (silentMs > silentMsMax || nowMs - this.#startedMs > UPLOAD_MS_MAX) this.#cutShort();
  }

  /** A read that is under way then ends, as at the end of the body. */
  #cutShort(): void {
    this.#isCutShort = true;
    void this.#reader?.cancel().catch(() => {});
  }
}
