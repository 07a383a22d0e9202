import { expect } from "bun:test";
import {
  type BatcherOptions,
  createClient,
  type DroppedEvents,
  type EventBatcher,
  type RejectedEvent,
} from "@millrace/client";

/** One request that waits for its answer. */
export interface HeldCall {
  readonly key: string;
  readonly lines: readonly string[];
  answer(status: number, body: unknown): void;
  fail(code: string): void;
}

export interface HeldApi {
  readonly batcher: EventBatcher;
  /** All that came, answered or not. */
  readonly calls: readonly HeldCall[];
  /** The n-th call, from 1, once it has come. */
  call(n: number): Promise<HeldCall>;
  /** Moves the clock, and lets everything happen that is due. */
  pass(ms: number): Promise<void>;
}

const TURNS_MAX = 1_000;

/** A batcher before an API that answers when the test says so, under a clock that the test moves. */
export function heldApi(options: BatcherOptions = {}): HeldApi {
  const calls: HeldCall[] = [];
  const clock = new ManualClock();
  const client = createClient({
    ...{ baseUrl: "http://127.0.0.1:1", apiKey: "k", random: () => 1, clock },
    fetch: (_url, init) =>
      new Promise((resolve, reject) => {
        const headers = new Headers(init.headers);
        init.signal?.addEventListener("abort", () => reject(init.signal?.reason));
        calls.push({
          key: headers.get("idempotency-key") ?? "",
          lines: String(init.body).split("\n"),
          answer: (status, body) => resolve(new Response(JSON.stringify(body), { status })),
          fail: (code) => reject(Object.assign(new Error(code), { code })),
        });
      }),
  });
  return {
    batcher: client.events.batcher(options),
    calls,
    call: async (n) => {
      for (let turn = 0; turn < TURNS_MAX; turn += 1) {
        const call = calls[n - 1];
        if (call !== undefined) return call;
        await nextTurn();
      }
      throw new Error(`there was no call ${n}; ${calls.length} came`);
    },
    pass: (ms) => clock.pass(ms),
  };
}

/** Accepts every line of a call. */
export function acceptAll(call: HeldCall): void {
  call.answer(202, { accepted: call.lines.length, rejected: [], receipt: "1.0.1" });
}

export function log(batcher: EventBatcher, count: number, message = "m"): void {
  for (let n = 0; n < count; n += 1) batcher.log({ type: "t", message });
}

export function watched(options: BatcherOptions = {}) {
  const drops: DroppedEvents[] = [];
  const rejects: RejectedEvent[] = [];
  const api = heldApi({
    ...options,
    onDrop: (dropped) => void drops.push(dropped),
    onReject: (rejected) => void rejects.push(rejected),
  });
  return { ...api, drops, rejects };
}

/** Nothing is ever unaccounted for. */
export function expectEven(batcher: EventBatcher): void {
  const { logged, accepted, rejected, dropped, waiting } = batcher.counts;
  expect(accepted + rejected + dropped + waiting).toBe(logged);
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}

interface Sleeper {
  readonly dueMs: number;
  wake(): void;
}

class ManualClock {
  #nowMs = Date.UTC(2026, 0, 15);
  #sleepers: Sleeper[] = [];

  nowMs(): number {
    return this.#nowMs;
  }

  sleep(delayMs: number, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted === true) return reject(signal.reason);
      signal?.addEventListener("abort", () => reject(signal.reason));
      this.#sleepers.push({ dueMs: this.#nowMs + delayMs, wake: resolve });
    });
  }

  async pass(ms: number): Promise<void> {
    await settled();
    const endMs = this.#nowMs + ms;
    for (;;) {
      const next = this.#sleepers.toSorted((one, other) => one.dueMs - other.dueMs)[0];
      if (next === undefined || next.dueMs > endMs) break;
      this.#nowMs = next.dueMs;
      this.#sleepers = this.#sleepers.filter((sleeper) => sleeper !== next);
      next.wake();
      await settled();
    }
    this.#nowMs = endMs;
    await settled();
  }
}

async function settled(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await nextTurn();
}
