import { expect, test } from "bun:test";
import { isMissing, isPassing, orMissing, untilAnswered } from "@millrace/bus/jetstream-answers";
import { JetStreamApiError } from "@nats-io/jetstream";
import { type BusUnderTest, startBus } from "../../support/bus.ts";

async function withBus(run: (under: BusUnderTest) => Promise<void>): Promise<void> {
  const under = await startBus();
  try {
    await run(under);
  } finally {
    await under.close();
  }
}

const failureOf = (request: Promise<unknown>) =>
  request.then(
    () => undefined,
    (error: unknown) => error,
  );

test("a stream that is not there is missing, and asking again would change nothing", () =>
  withBus(async ({ bus }) => {
    const failure = await failureOf(bus.manager.streams.info("NOBODY"));
    expect([isMissing(failure), isPassing(failure)]).toEqual([true, false]);
    expect(await orMissing(bus.manager.consumers.info("EVENTS", "nobody"))).toBeNull();
  }));

test("servers that are thought to be away may come back; that there are too few is an answer", () => {
  const refusal = (reason: string) =>
    new JetStreamApiError({
      code: 400,
      err_code: 10_005,
      description: `no suitable peers for placement${reason}`,
    });
  expect(isPassing(refusal(", peer offline"))).toBe(true);
  expect(isPassing(refusal(", insufficient storage"))).toBe(false);
});

test("no answer says nothing about a stream, and may pass", () =>
  withBus(async ({ bus, server }) => {
    await server.stop();
    const failure = await failureOf(bus.connection.request("$JS.API.INFO", "", { timeout: 50 }));
    expect([isMissing(failure), isPassing(failure)]).toEqual([false, true]);
    expect(await failureOf(orMissing(Promise.reject(failure)))).toBe(failure);
  }));

test("what may pass is asked again until it is answered, or the patience ends", () =>
  withBus(async ({ bus }) => {
    const silence = await failureOf(bus.connection.request("nobody.listens", "", { timeout: 50 }));
    let asked = 0;
    const second = async () => {
      asked += 1;
      if (asked < 2) throw silence;
      return "yes";
    };
    expect(await untilAnswered(second, 30_000)).toBe("yes");
    expect(await failureOf(untilAnswered(() => Promise.reject(silence), 10))).toBe(silence);
  }));

test("a refusal is passed on at once", async () => {
  let asked = 0;
  const refusal = new Error("no");
  const ask = () => {
    asked += 1;
    return Promise.reject(refusal);
  };
  expect(await failureOf(untilAnswered(ask, 30_000))).toBe(refusal);
  expect(asked).toBe(1);
});
