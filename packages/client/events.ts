import type { BatcherOptions } from "./batch-rules.ts";
import { WAIT_MS_DEFAULT } from "./bounds.ts";
import { StoreTimeoutError } from "./errors.ts";
import { EventBatcher } from "./event-batcher.ts";
import { planRequests, type Refusal, writeLine } from "./event-lines.ts";
import { isEventPage, isHistogram, isLedger, isReceiptState } from "./event-shapes.ts";
import type {
  EventPage,
  EventQuery,
  EventSpan,
  Histogram,
  HistogramQuery,
  Ledger,
  LogEvent,
  ReceiptState,
  SendAnswer,
  StoredEvent,
  TailFilter,
} from "./event-types.ts";
import { sendRequest } from "./send-request.ts";
import { expectShape } from "./shapes.ts";
import { type TailOptions, tailEvents } from "./tail-events.ts";
import { Tally } from "./tally-answers.ts";
import { makeTaskId as makeId } from "./task-id.ts";
import type { CallOptions, Query, Transport } from "./transport.ts";
import { poll } from "./watch-task.ts";

export interface SendOptions extends CallOptions {
  /** Made here when absent: then a lost answer is asked for again, but a later call sends the events anew. */
  readonly idempotencyKey?: string | undefined;
}

export interface StoreWaitOptions extends CallOptions {
  /** 5 minutes when absent. */
  readonly timeoutMs?: number;
}

export class EventsClient {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /**
   * Returns once they are on the disk of the server. What is refused costs only itself. Any number: they travel in requests
   * of 10 000 and 4 MiB at most, one after the other.
   * @throws ApiError or UnreachableError when none is known to be accepted, else PartlySentError
   */
  async send(events: readonly LogEvent[], options: SendOptions = {}): Promise<SendAnswer> {
    return this.#sendAll(events.map(writeLine), options);
  }

  /** The same for those who have their events as text: one event a line, as it is. Blank lines are left out. */
  async sendLines(lines: readonly string[], options: SendOptions = {}): Promise<SendAnswer> {
    return this.#sendAll(lines, options);
  }

  async #sendAll(lines: readonly (string | Refusal)[], options: SendOptions): Promise<SendAnswer> {
    const { idempotencyKey = makeId(this.#transport.clock.nowMs()), signal } = options;
    const { requests, refused } = planRequests(lines);
    const tally = new Tally(refused);
    for (const [number, request] of requests.entries()) {
      const key = number === 0 ? idempotencyKey : `${idempotencyKey}.${number}`;
      const texts = request.map(({ text }) => text);
      try {
        tally.add(request, await sendRequest(this.#transport, { lines: texts, idempotencyKey: key, signal }));
      } catch (error) {
        throw tally.failure(error, request, idempotencyKey);
      }
    }
    return tally.answer();
  }

  /** For logging: `log` never waits, and what is logged goes out in batches. Close it, or `await using` it. */
  batcher(options: BatcherOptions = {}): EventBatcher {
    return new EventBatcher(this.#transport, options);
  }

  /** @throws ApiError NOT_FOUND for what no `send` has given out */
  async receipt(receipt: string, options: CallOptions = {}): Promise<ReceiptState> {
    let [accepted, stored, isStored] = [0, 0, true];
    for (const part of receipt.split(",")) {
      const path = `/api/events/receipts/${encodeURIComponent(part)}`;
      const reply = await this.#transport.call({ method: "GET", path, isRepeatable: true, ...options });
      const state = expectShape(reply, isReceiptState);
      accepted += state.accepted;
      stored += state.stored;
      isStored &&= state.state === "stored";
    }
    return { accepted, stored, state: isStored ? "stored" : "accepted" };
  }

  /**
   * Once a query finds all of them.
   * @throws StoreTimeoutError; they will be stored all the same
   */
  async waitStored(receipt: string, options: StoreWaitOptions = {}): Promise<ReceiptState> {
    const { timeoutMs = WAIT_MS_DEFAULT, signal } = options;
    const timeout = AbortSignal.timeout(timeoutMs);
    const either = signal === undefined ? timeout : AbortSignal.any([timeout, signal]);
    let seen: ReceiptState | null = null;
    try {
      const look = () => this.receipt(receipt, { signal: either });
      for await (const state of poll(this.#transport.clock, look, either)) {
        seen = state;
        if (state.state === "stored") return state;
      }
    } catch (error) {
      if (!timeout.aborted || signal?.aborted === true) throw error;
    }
    throw new StoreTimeoutError(timeoutMs, seen);
  }

  /** One page, newest first; your own events, or everybody's for operators. */
  async list(query: EventQuery = {}, options: CallOptions = {}): Promise<EventPage> {
    return expectShape(await this.#get("/api/events", { ...query, ...spanOf(query) }, options), isEventPage);
  }

  /** Page after page, each event once, also while others come in. A search (`q`) may have empty pages in between. */
  async *pages(query: EventQuery = {}, options: CallOptions = {}): AsyncGenerator<EventPage, void, void> {
    for (let cursor = query.cursor; ; ) {
      const page = await this.list({ ...query, cursor }, options);
      yield page;
      if (page.next_cursor === null) return;
      cursor = page.next_cursor;
    }
  }

  /** Counts over time; of the last day when no span is given. */
  async histogram(query: HistogramQuery = {}, options: CallOptions = {}): Promise<Histogram> {
    const path = "/api/events/histogram";
    return expectShape(await this.#get(path, { ...query, ...spanOf(query) }, options), isHistogram);
  }

  /**
   * Events as they come in, until `signal` aborts or the loop is left. A lost connection is made again; what came in
   * between is not shown. A reader who is slower than the events slows the reading, and the API leaves events out and
   * counts them: here nothing piles up.
   * @throws ApiError for what does not pass; UnreachableError when the API stays away for 10 minutes
   */
  tail(filter: TailFilter = {}, options: TailOptions = {}): AsyncGenerator<StoredEvent, void, void> {
    return tailEvents(this.#transport, filter, options);
  }

  /** Whether everything that was accepted is accounted for; of the last hour when no span is given. For operators. */
  async ledger(span: EventSpan = {}, options: CallOptions = {}): Promise<Ledger> {
    return expectShape(await this.#get("/api/ledger", spanOf(span), options), isLedger);
  }

  #get(path: string, query: Query, options: CallOptions) {
    return this.#transport.call({ method: "GET", path, query, isRepeatable: true, ...options });
  }
}

function spanOf({ from, to }: EventSpan): { from: string | undefined; to: string | undefined } {
  return { from: timeOf(from), to: timeOf(to) };
}

function timeOf(time: string | Date | undefined): string | undefined {
  return time instanceof Date ? time.toISOString() : time;
}
