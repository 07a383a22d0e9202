import { expect, test } from "bun:test";
import { Duty, type DutyOptions } from "@millrace/scheduler/duty";
import { type LogLine, recordingLog } from "../../support/scheduler.ts";

/** A timer that goes off when the test says so. */
class FakeTimer {
  readonly delays: number[] = [];
  #fire: (() => void) | undefined;

  readonly set = (fire: () => void, delayMs: number): (() => void) => {
    this.delays.push(delayMs);
    this.#fire = fire;
    return () => {
      this.#fire = undefined;
    };
  };

  get isSet(): boolean {
    return this.#fire !== undefined;
  }

  fire(): void {
    const fire = this.#fire;
    this.#fire = undefined;
    fire?.();
  }
}

/** A round that ends when the test says so. */
class Rounds {
  begun = 0;
  running = 0;
  runningMax = 0;
  #end: (isMore: boolean) => void = () => {};
  #fail: (error: Error) => void = () => {};

  readonly round = async (): Promise<boolean> => {
    this.begun += 1;
    this.running += 1;
    this.runningMax = Math.max(this.runningMax, this.running);
    const { promise, resolve, reject } = Promise.withResolvers<boolean>();
    this.#end = resolve;
    this.#fail = reject;
    try {
      return await promise;
    } finally {
      this.running -= 1;
    }
  };

  async end(isMore = false): Promise<void> {
    this.#end(isMore);
    await turn();
  }

  async fail(): Promise<void> {
    this.#fail(new Error("it broke"));
    await turn();
  }
}

/** Everything that can happen without a timer has happened. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function start(options: Partial<DutyOptions> = {}) {
  const rounds = new Rounds();
  const timer = new FakeTimer();
  const lines: LogLine[] = [];
  const duty = new Duty({
    name: "test",
    everyMs: 1_000,
    round: rounds.round,
    log: recordingLog(lines),
    setTimer: timer.set,
    random: () => 0.5,
    ...options,
  });
  duty.start();
  return { duty, rounds, timer, lines };
}

test("the first round begins at once, and the next one a pause after its end", async () => {
  const { duty, rounds, timer } = start();
  expect([rounds.begun, timer.isSet]).toEqual([1, false]);
  await rounds.end();
  expect([rounds.begun, timer.delays]).toEqual([1, [1_000]]);
  timer.fire();
  await turn();
  expect(rounds.begun).toBe(2);
  const stopped = duty.stop();
  await rounds.end();
  await stopped;
});

test("pauses differ by a tenth both ways, so that schedulers that started together part", async () => {
  for (const [random, delayMs] of [
    [0, 900],
    [0.999_999, 1_100],
  ] as const) {
    const { duty, rounds, timer } = start({ random: () => random });
    await rounds.end();
    expect(timer.delays[0]).toBeCloseTo(delayMs, 0);
    await duty.stop();
  }
});

test("a round that left something over is followed by the next one at once", async () => {
  const { duty, rounds, timer } = start();
  await rounds.end(true);
  expect([rounds.begun, timer.isSet]).toEqual([2, false]);
  await rounds.end(false);
  expect([rounds.begun, timer.isSet]).toEqual([2, true]);
  await duty.stop();
});

test("rounds that always leave something over are paused all the same after a thousand", async () => {
  let begun = 0;
  const { duty, timer } = start({
    round: async () => {
      begun += 1;
      return true;
    },
  });
  while (!timer.isSet) await turn();
  expect(begun).toBe(1_000);
  await duty.stop();
});

test("two rounds never overlap, however often it is started and nudged", async () => {
  const { duty, rounds } = start();
  duty.start();
  for (let nudges = 0; nudges < 10; nudges++) duty.nudge();
  await turn();
  expect([rounds.begun, rounds.runningMax]).toEqual([1, 1]);
  const stopped = duty.stop();
  await rounds.end();
  await stopped;
  expect(rounds.runningMax).toBe(1);
});

test("a nudge in a pause ends it", async () => {
  const { duty, rounds, timer } = start();
  await rounds.end();
  duty.nudge();
  await turn();
  expect([rounds.begun, timer.isSet]).toEqual([2, false]);
  const stopped = duty.stop();
  await rounds.end();
  await stopped;
});

test("a nudge during a round is not lost: what it tells of may have come after that round looked", async () => {
  const { duty, rounds, timer } = start();
  duty.nudge();
  await rounds.end();
  expect([rounds.begun, timer.isSet]).toEqual([2, false]);
  await rounds.end();
  expect([rounds.begun, timer.isSet]).toEqual([2, true]);
  await duty.stop();
});

test("a round that fails is told once and comes again after the pause", async () => {
  const { duty, rounds, timer, lines } = start();
  await rounds.fail();
  expect(lines).toEqual([
    expect.objectContaining({ level: "WARNING", message: "a duty failed and comes again", duty: "test" }),
  ]);
  expect(JSON.stringify(lines[0])).toContain("it broke");
  expect(timer.isSet).toBe(true);
  timer.fire();
  await turn();
  await rounds.end();
  expect([rounds.begun, lines.length]).toEqual([2, 1]);
  await duty.stop();
});

test("stop waits for the round that is running, and no further one begins, whatever that one leaves over", async () => {
  const { duty, rounds, timer } = start();
  let isStopped = false;
  const stopped = duty.stop().then(() => {
    isStopped = true;
  });
  await turn();
  expect(isStopped).toBe(false);
  await rounds.end(true);
  await stopped;
  duty.nudge();
  duty.start();
  await turn();
  expect([rounds.begun, timer.isSet]).toEqual([1, false]);
});

test("stop in a pause ends it at once, and stopping what never began is nothing", async () => {
  const { duty, rounds, timer } = start();
  await rounds.end();
  await duty.stop();
  expect([rounds.begun, timer.isSet]).toEqual([1, false]);
  const idle = new Duty({ name: "idle", everyMs: 1, round: rounds.round, log: recordingLog([]) });
  await idle.stop();
});
