import { type BatchCounts, Counting } from "./batch-counts.ts";
import {
  Batch,
  type BatcherOptions,
  batchWaitMs,
  type DropReason,
  readOptions,
  type Settings,
} from "./batch-rules.ts";
import { BATCH_AGE_MS_MAX, CLOSE_MS_DEFAULT, FLUSH_MS_DEFAULT, REQUEST_BYTES_MAX } from "./bounds.ts";
import { ApiError } from "./errors.ts";
import { lineBytes, type Refusal, TOO_LARGE, writeLine } from "./event-lines.ts";
import type { Taken } from "./event-shapes.ts";
import type { LogEvent } from "./event-types.ts";
import { sendRequest, takenBefore } from "./send-request.ts";
import { makeTaskId as makeId } from "./task-id.ts";
import type { Transport } from "./transport.ts";

export interface FlushOptions {
  readonly timeoutMs?: number;
}

/** Sends what is logged in batches, in memory that is bounded, and says what became of every event. */
export class EventBatcher implements AsyncDisposable {
  readonly #transport: Transport;
  readonly #settings: Settings;
  readonly #counting = new Counting();
  readonly #end = new AbortController();
  /** All that are filling, waiting or on their way. */
  readonly #live = new Set<Batch>();
  readonly #queue: Batch[] = [];
  #open: Batch | undefined;
  #flights = 0;
  #waitingBytes = 0;
  #closing: Promise<BatchCounts> | undefined;

  /** @throws RangeError */
  constructor(transport: Transport, options: BatcherOptions) {
    this.#transport = transport;
    this.#settings = readOptions(options);
  }

  get counts(): BatchCounts {
    return this.#counting.read();
  }

  /** Never waits and never throws. What finds no room, or comes after `close`, is dropped: see `onDrop`. */
  log(event: LogEvent): void {
    this.#counting.logged += 1;
    const line = writeLine(event);
    if (typeof line === "string") this.#keep(line, lineBytes(line));
    else this.#reject(line, event);
  }

  #keep(line: string, bytes: number): void {
    if (bytes > REQUEST_BYTES_MAX) this.#reject(TOO_LARGE, line);
    else if (this.#closing !== undefined) this.#drop([line], "closed");
    else if (!this.#hasRoom(bytes)) this.#drop([line], "buffer_full");
    else {
      this.#counting.waiting += 1;
      this.#waitingBytes += bytes;
      this.#fill(line, bytes);
    }
  }

  /**
   * What was logged until now goes out.
   * @returns true once each of these events is accepted, rejected or dropped; false when the time was over before
   */
  async flush({ timeoutMs = FLUSH_MS_DEFAULT }: FlushOptions = {}): Promise<boolean> {
    this.#seal();
    const settled = Promise.all([...this.#live].map((batch) => batch.settled)).then(() => true);
    const timer = new AbortController();
    const late = this.#transport.clock.sleep(timeoutMs, timer.signal).then(
      () => false,
      () => true,
    );
    try {
      return await Promise.race([settled, late]);
    } finally {
      timer.abort();
    }
  }

  /** Takes no more, sends what it has for 10 s at most, and drops the rest. Called again, it returns the same. */
  close({ timeoutMs = CLOSE_MS_DEFAULT }: FlushOptions = {}): Promise<BatchCounts> {
    this.#closing ??= this.#close(timeoutMs);
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #close(timeoutMs: number): Promise<BatchCounts> {
    if (!(await this.flush({ timeoutMs }))) {
      for (const batch of this.#queue.splice(0)) this.#settle(batch, () => this.#drop(batch.lines, "closed"));
      this.#end.abort(new Error("the batcher is closed"));
      await Promise.all([...this.#live].map((batch) => batch.settled));
    }
    this.#end.abort(); // Timers of batches that went out before their time must not keep the process.
    return this.counts;
  }

  #hasRoom(bytes: number): boolean {
    const { bufferedMax, bufferedBytesMax } = this.#settings;
    return this.#counting.waiting < bufferedMax && this.#waitingBytes + bytes <= bufferedBytesMax;
  }

  #fill(line: string, bytes: number): void {
    const { eventsMax, bytesMax } = this.#settings;
    if (this.#open !== undefined && this.#open.bytes + bytes > bytesMax) this.#seal();
    const batch = this.#open ?? this.#begin();
    batch.add(line, bytes);
    if (batch.lines.length >= eventsMax || batch.bytes >= bytesMax) this.#seal();
  }

  #begin(): Batch {
    const { clock } = this.#transport;
    const batch = new Batch(makeId(clock.nowMs()), clock.nowMs());
    this.#open = batch;
    this.#live.add(batch);
    const sealInTime = () => {
      if (this.#open === batch) this.#seal();
    };
    clock.sleep(this.#settings.delayMs, this.#end.signal).then(sealInTime, sealInTime);
    return batch;
  }

  #seal(): void {
    if (this.#open === undefined) return;
    this.#queue.push(this.#open);
    this.#open = undefined;
    this.#launch();
  }

  #launch(): void {
    while (this.#flights < this.#settings.flightsMax) {
      const batch = this.#queue.shift();
      if (batch === undefined) return;
      this.#flights += 1;
      void this.#fly(batch).then(() => {
        this.#flights -= 1;
        this.#launch();
      });
    }
  }

  /** Tries until the batch is taken, or will never be. Never rejects. */
  async #fly(batch: Batch): Promise<void> {
    const { clock, random } = this.#transport;
    const { signal } = this.#end;
    for (let rounds = 1; ; rounds += 1) {
      try {
        const request = { lines: batch.lines, idempotencyKey: batch.key, signal };
        const taken = await sendRequest(this.#transport, request);
        this.#settle(batch, () => this.#take(batch, taken));
        return;
      } catch (error) {
        batch.taken = takenBefore(error) ?? batch.taken;
        const waitMs = batchWaitMs(error, rounds, random);
        const isOver = waitMs === null || clock.nowMs() - batch.bornMs >= BATCH_AGE_MS_MAX;
        if (signal.aborted || isOver) {
          this.#settle(batch, () => this.#giveUp(batch, error));
          return;
        }
        // Ended by `close`, which the next round notices.
        await clock.sleep(waitMs, signal).catch(() => {});
      }
    }
  }

  #take({ lines }: Batch, { accepted, rejected }: Taken, upTo = lines.length): void {
    this.#counting.accepted += accepted;
    this.#counting.sent += upTo;
    for (const { index, code, message } of rejected) {
      this.#counting.reject(code);
      this.#tell(() => this.#settings.onReject?.({ code, message, event: lines[index] }));
    }
    const unlisted = upTo - accepted - rejected.length;
    if (unlisted > 0) this.#counting.reject("(not listed)", unlisted);
  }

  /** A part of it may be on the disk all the same. */
  #giveUp(batch: Batch, error: unknown): void {
    const nextIndex = batch.taken?.next_index ?? 0;
    if (batch.taken !== undefined) this.#take(batch, batch.taken, nextIndex);
    const isRefused = error instanceof ApiError && !error.mayHaveHappened;
    this.#drop(batch.lines.slice(nextIndex), isRefused ? "refused" : "unconfirmed", error);
  }

  /** The one place where a batch ends: what waits is counted down before anybody is told. */
  #settle(batch: Batch, tell: () => void): void {
    this.#counting.waiting -= batch.lines.length;
    this.#waitingBytes -= batch.bytes;
    this.#live.delete(batch);
    tell();
    batch.settle();
  }

  #reject(refusal: Refusal, event: unknown): void {
    this.#counting.reject(refusal.code);
    this.#tell(() => this.#settings.onReject?.({ ...refusal, event }));
  }

  #drop(lines: readonly string[], reason: DropReason, error?: unknown): void {
    if (lines.length === 0) return;
    this.#counting.dropped += lines.length;
    this.#tell(() => this.#settings.onDrop?.({ reason, lines, error }));
  }

  /** Logging must not fail because somebody's listener does. */
  #tell(listener: () => void): void {
    try {
      listener();
    } catch {
      // It is the listener's own.
    }
  }
}
