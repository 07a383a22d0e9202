import { afterEach, beforeEach, expect, test } from "bun:test";
import { join } from "node:path";
import {
  answerForOrders,
  askForOrders,
  type Bus,
  closeBus,
  connectBus,
  openControlBucket,
  PauseBoard,
  tellPause,
} from "@millrace/bus";
import { ORDERS_SUBJECT } from "@millrace/protocol";
import { type BusUnderTest, startBus, until } from "../../support/bus.ts";

const CHILD = join(import.meta.dirname, "../../support/orders-child.ts");
/** What no machine is too slow for; what is to be quick is compared with it. */
const LONG_MS = 30_000;

let under: BusUnderTest;
let other: Bus;
let stops: (() => void)[];
beforeEach(async () => {
  under = await startBus();
  other = await connectBus({ urls: [under.server.url], name: "other" });
  stops = [];
}, 60_000);
afterEach(async () => {
  for (const stop of stops) stop();
  if (other !== undefined) await closeBus(other);
  await under?.close();
});

const answer = async (by: string, heed: Parameters<typeof answerForOrders>[2]): Promise<void> => {
  stops.push(answerForOrders(other, by, heed));
  await other.connection.flush();
};
const ask = async (expected: readonly string[], waitMs = LONG_MS) => {
  const startedMs = performance.now();
  const pending = await askForOrders(under.bus, { kind: "pauses", expected, waitMs });
  return { pending, tookMs: performance.now() - startedMs };
};

test("it is answered as soon as all have taken it in, and not before", async () => {
  const slow = Promise.withResolvers<boolean>();
  await answer("quick", async () => true);
  await answer("slow", () => slow.promise);
  let isAnswered = false;
  const asking = ask(["quick", "slow"]).finally(() => {
    isAnswered = true;
  });
  await ask(["quick"]); // Asked later, answered sooner.
  expect(isAnswered).toBe(false);
  slow.resolve(true);
  const { pending, tookMs } = await asking;
  expect(pending).toEqual([]);
  expect(tookMs).toBeLessThan(LONG_MS / 2);
});

test("nobody is waited for who is not expected, and with nobody expected nobody is asked", async () => {
  await answer("dead", () => new Promise<never>(() => {}));
  await answer("quick", async () => true);
  expect((await ask(["quick"])).tookMs).toBeLessThan(LONG_MS / 2);
  let questions = 0;
  await answer("counts", async () => {
    questions += 1;
    return true;
  });
  expect((await ask([])).pending).toEqual([]);
  await ask(["counts"]);
  expect(questions).toBe(1);
});

test("one that is frozen is waited for within the bound, and named; thawed, it answers again", async () => {
  const child = Bun.spawn([process.execPath, CHILD, under.server.url, "frozen"], { stdout: "pipe" });
  try {
    await child.stdout.getReader().read();
    await answer("quick", async () => true);
    expect((await ask(["quick", "frozen"])).pending).toEqual([]);
    child.kill("SIGSTOP");
    const { pending, tookMs } = await ask(["quick", "frozen"], 300);
    expect(pending).toEqual(["frozen"]);
    expect(tookMs).toBeGreaterThanOrEqual(295);
    child.kill("SIGCONT");
    expect((await ask(["quick", "frozen"])).pending).toEqual([]);
  } finally {
    child.kill("SIGKILL");
    await child.exited;
  }
}, 90_000);

test("who could not read is named at once, whether it says so or throws", async () => {
  await answer("blind", async () => false);
  await answer("broken", async () => {
    throw new Error("the database is away");
  });
  const { pending, tookMs } = await ask(["blind", "broken"]);
  expect([...pending].sort()).toEqual(["blind", "broken"]);
  expect(tookMs).toBeLessThan(LONG_MS / 2);
});

test("a pause that is still being read when the question comes is read before the answer", async () => {
  let paused: readonly string[] = [];
  let readings = 0;
  let held = Promise.resolve();
  const board = new PauseBoard({
    bus: other,
    read: async () => {
      readings += 1;
      const seen = paused;
      await held; // What was read arrives late, and may be old by then.
      return seen;
    },
  });
  await board.start();
  stops.push(() => board.stop());
  let isAsked = false;
  await answer("worker", () => {
    isAsked = true;
    return board.refresh();
  });
  const gate = Promise.withResolvers<void>();
  held = gate.promise;
  void board.refresh(); // Begun before the order: what it reads does not hold the pause.
  paused = ["simulate"];
  const bucket = await openControlBucket(under.bus);
  await tellPause(bucket, { name: "simulate", paused_at: "2026-01-01T00:00:00.000Z", reason: null });
  const asking = ask(["worker"]);
  await until("the question has come", () => isAsked);
  expect(readings).toBe(2);
  expect(board.isTypePaused("simulate")).toBe(false);
  gate.resolve();
  expect((await asking).pending).toEqual([]);
  expect(board.isTypePaused("simulate")).toBe(true);
});

test("while NATS is away nobody has heard it, and nothing throws", async () => {
  await closeBus(under.bus);
  expect((await ask(["worker"])).pending).toEqual(["worker"]);
});

test("what others send on these subjects is nobody's answer, and asks nobody", async () => {
  let questions = 0;
  await answer("worker", async () => {
    questions += 1;
    return true;
  });
  other.connection.subscribe(ORDERS_SUBJECT, {
    callback: (_, message) => {
      for (const word of ["", "null", "[1]", '{"by":"late"}', '{"by":7,"heeded":true}'])
        message.respond(word);
    },
  });
  under.bus.connection.publish(ORDERS_SUBJECT, "tea", { reply: "somewhere" });
  expect((await ask(["worker", "late"], 300)).pending).toEqual(["late"]);
  expect(questions).toBe(1);
});
