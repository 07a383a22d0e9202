import { beforeEach, expect, test } from "bun:test";
import { type Breaker, type BreakerEvent, changeBreaker, NEVER_OPENED } from "@millrace/core/breaker";
import { BREAKER_FAILURES_MIN, BREAKER_RAMP_MS } from "@millrace/core/limits";
import { type CallEnd, HostBreakers } from "@millrace/worker/guards/host-breakers";

const ORIGIN = "https://api.example.org";
const FAILED: CallEnd = { verdict: "failing", reason: "HTTP_STATUS_503" };
const WENT_WELL: CallEnd = { verdict: "healthy", reason: "" };
const NOT_CALLED: CallEnd = { verdict: "unknown", reason: "" };

/** One state for all, as the bucket has it. */
class SharedBoard {
  readonly breakers = new Map<string, Breaker>();
  get(origin: string): Breaker {
    return this.breakers.get(origin) ?? NEVER_OPENED;
  }
  async change(origin: string, event: BreakerEvent): Promise<Breaker | null> {
    const next = changeBreaker(this.get(origin), event);
    if (next !== null) this.breakers.set(origin, next);
    return next;
  }
}

let nowMs: number;
let board: SharedBoard;
const workerOf = (session: string) =>
  new HostBreakers({ board, session, slots: 10, random: () => 0.5, nowMs: () => nowMs });
let first: HostBreakers;
let second: HostBreakers;
beforeEach(() => {
  nowMs = 1_000_000;
  board = new SharedBoard();
  first = workerOf("worker-1~a");
  second = workerOf("worker-2~b");
});

const callOnce = async (worker: HostBreakers, end: CallEnd) => (await worker.ask(ORIGIN))?.end(end);
const fail = async (times: number) => {
  for (let count = 0; count < times; count++) await callOnce(first, FAILED);
};
const open = async () => {
  await fail(BREAKER_FAILURES_MIN);
  const breaker = board.get(ORIGIN);
  if (breaker.kind !== "open") throw new Error(`it is ${breaker.kind}`);
  nowMs = breaker.probeAtMs;
};

test("what one worker finds out, all workers heed", async () => {
  await fail(BREAKER_FAILURES_MIN - 1);
  expect(await second.ask(ORIGIN)).not.toBeNull();
  await fail(1);
  expect(await second.ask(ORIGIN)).toBeNull();
  expect(await second.ask("https://other.example.org")).not.toBeNull();
});

test("of two workers that ask when a probe is due, one gets it; that it failed is forgiven", async () => {
  await open();
  const [one, other] = [await first.ask(ORIGIN), await second.ask(ORIGIN)];
  expect(one).not.toBeNull();
  expect(other).toBeNull();
  expect(one?.end(FAILED)).toBe(true);
  expect(board.get(ORIGIN)).toMatchObject({ kind: "open", openings: 2 });
});

test("a probe that never called lets the next one try", async () => {
  await open();
  expect((await first.ask(ORIGIN))?.end(NOT_CALLED)).toBe(false);
  expect(await second.ask(ORIGIN)).not.toBeNull();
});

test("after a probe that succeeded, calls pass in a growing share of the slots, then all of them", async () => {
  await open();
  expect((await first.ask(ORIGIN))?.end(WENT_WELL)).toBe(false);
  expect(await second.ask(ORIGIN)).not.toBeNull();
  expect(await second.ask(ORIGIN)).toBeNull(); // One of ten slots, at first.
  nowMs += BREAKER_RAMP_MS;
  for (let count = 0; count < 9; count++) expect(await second.ask(ORIGIN)).not.toBeNull();
});

test("calls that began before a change say nothing about the state after it", async () => {
  const early = await Promise.all(Array.from({ length: 10 }, () => second.ask(ORIGIN)));
  await open();
  (await first.ask(ORIGIN))?.end(WENT_WELL);
  for (const permit of early) permit?.end(FAILED);
  expect(board.get(ORIGIN).kind).toBe("closing");
});

test("failures that are not the host's open nothing", async () => {
  for (let count = 0; count < 50; count++) await callOnce(first, NOT_CALLED);
  expect(board.get(ORIGIN)).toBe(NEVER_OPENED);
});
