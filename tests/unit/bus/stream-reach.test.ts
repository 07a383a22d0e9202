import { afterEach, beforeEach, expect, test } from "bun:test";
import { StreamReach } from "@millrace/bus/stream-reach";
import { type BusUnderTest, startBus, until } from "../../support/bus.ts";

const LONG_MS = 60_000;

let under: BusUnderTest;
let reach: StreamReach;
beforeEach(async () => {
  under = await startBus();
  reach = new StreamReach(under.bus, "EVENTS");
});
afterEach(() => under.close());

const never = () => new Promise<string>(() => {});

test("an answer that comes is given, and a refusal is passed on", async () => {
  expect(await reach.orGone(Promise.resolve("yes"))).toBe("yes");
  expect(await reach.orGone(Promise.reject(new Error("no"))).catch(String)).toBe("Error: no");
});

test("who waits is told at once when the connection breaks, and when it is back", async () => {
  const waiting = reach.orGone(never());
  expect(reach.lostForMs()).toBe(0);
  await under.server.kill9();
  expect(await waiting).toBeUndefined();
  expect(reach.lostForMs()).toBeGreaterThan(0);
  const back = reach.untilBack(performance.now() + LONG_MS);
  await under.server.restart();
  await back;
  expect(reach.lostForMs()).toBe(0);
});

test("a connection that does not come back is waited for no longer than was said", async () => {
  const broken = reach.orGone(never());
  await under.server.kill9();
  await broken;
  await reach.untilBack(performance.now() + 50);
  expect(reach.lostForMs()).toBeGreaterThanOrEqual(40);
});

test("who waits is told when the stream has another leader, and not when another stream has", async () => {
  let isGone = false;
  const waiting = reach.orGone(never()).then((answer) => {
    isGone = answer === undefined;
  });
  const elect = (stream: string) =>
    under.bus.connection.publish(`$JS.EVENT.ADVISORY.STREAM.LEADER_ELECTED.${stream}`, "{}");
  elect("TASKS");
  await under.bus.connection.flush();
  expect(isGone).toBe(false);
  elect("EVENTS");
  await waiting;
  await until("it is told", () => isGone);
});

test("one server alone is no cluster, and that is still known when it is away", async () => {
  expect(reach.isClustered()).toBe(false);
  const broken = reach.orGone(never());
  await under.server.kill9();
  await broken;
  expect(reach.isClustered()).toBe(false);
});
