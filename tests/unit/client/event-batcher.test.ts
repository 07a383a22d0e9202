import { describe, expect, test } from "bun:test";
import { BATCH_AGE_MS_MAX, REQUEST_BYTES_MAX } from "@millrace/client/bounds";
import { acceptAll, expectEven, type HeldApi, heldApi, log, watched } from "./held-api.ts";

const SOON = { timeoutMs: 60_000 };

describe("a batch goes out", () => {
  test("when it has its events, at once and not before", async () => {
    const { batcher, calls, call } = heldApi({ eventsMax: 3 });
    log(batcher, 2);
    expect(calls).toHaveLength(0);
    log(batcher, 1);
    expect((await call(1)).lines).toHaveLength(3);
  });

  test("when it has its bytes, without the one that would be too much", async () => {
    const { batcher, call, pass } = heldApi({ bytesMax: 100 });
    const message = "x".repeat(40);
    log(batcher, 2, message);
    expect((await call(1)).lines).toHaveLength(1);
    await pass(200);
    expect((await call(2)).lines).toHaveLength(1);
  });

  test("when its first event has waited long enough", async () => {
    const { batcher, calls, call, pass } = heldApi({ delayMs: 500 });
    log(batcher, 1);
    await pass(400);
    log(batcher, 1);
    expect(calls).toHaveLength(0);
    await pass(100);
    expect((await call(1)).lines).toHaveLength(2);
  });

  test("when it is flushed, which ends when the answer is there", async () => {
    const { batcher, call } = heldApi();
    log(batcher, 2);
    let isFlushed = false;
    const flushed = batcher.flush(SOON).then((isSettled) => {
      isFlushed = true;
      return isSettled;
    });
    const sent = await call(1);
    expect(isFlushed).toBe(false);
    acceptAll(sent);
    expect(await flushed).toBe(true);
    expect(batcher.counts).toMatchObject({ logged: 2, sent: 2, accepted: 2, waiting: 0 });
  });

  test("beside one other, and no more, each under its own key", async () => {
    const { batcher, calls, call, pass } = heldApi({ eventsMax: 1, flightsMax: 2 });
    log(batcher, 4);
    await pass(0);
    expect(calls).toHaveLength(2);
    acceptAll(await call(2));
    acceptAll(await call(3));
    expect(new Set(calls.map(({ key }) => key)).size).toBe(3);
    expect((await call(4)).lines).toHaveLength(1);
  });

  test("larger than its bytes when one event alone is", async () => {
    const { batcher, call } = heldApi({ bytesMax: 10 });
    log(batcher, 1, "x".repeat(50));
    expect((await call(1)).lines).toHaveLength(1);
  });
});

describe("while the API is away", () => {
  test("a batch is sent again under its key until it is taken, and nothing is lost or doubled", async () => {
    const { batcher, call, calls, pass, drops } = watched({ eventsMax: 2 });
    log(batcher, 2);
    for (let n = 1; n <= 12; n += 1) {
      (await call(n)).fail(n % 2 === 0 ? "ECONNREFUSED" : "ECONNRESET");
      await pass(30_000);
    }
    acceptAll(await call(13));
    expect(await batcher.flush(SOON)).toBe(true);
    expect(new Set(calls.map(({ key }) => key)).size).toBe(1);
    expect(batcher.counts).toMatchObject({ accepted: 2, dropped: 0 });
    expect(drops).toEqual([]);
  });

  test("what finds no room is dropped and counted, and logging goes on when there is room again", async () => {
    const { batcher, call, drops } = watched({ eventsMax: 2, bufferedMax: 4, flightsMax: 1 });
    log(batcher, 7);
    expect(batcher.counts).toMatchObject({ logged: 7, waiting: 4, dropped: 3 });
    expect(drops.map(({ reason, lines }) => [reason, lines.length])).toEqual([
      ["buffer_full", 1],
      ["buffer_full", 1],
      ["buffer_full", 1],
    ]);
    acceptAll(await call(1));
    await call(2);
    log(batcher, 1);
    expect(batcher.counts).toMatchObject({ logged: 8, waiting: 3, accepted: 2, dropped: 3 });
    expectEven(batcher);
  });

  test("the room is one of bytes, too", () => {
    const { batcher } = heldApi({ bufferedBytesMax: 1_000 });
    log(batcher, 10, "x".repeat(180));
    expect(batcher.counts).toMatchObject({ waiting: 4, dropped: 6 });
  });

  test("a batch is not tried for longer than the API knows its key", async () => {
    const { batcher, call, calls, pass, drops } = watched({ eventsMax: 1 });
    log(batcher, 1);
    (await call(1)).fail("ECONNRESET");
    await pass(BATCH_AGE_MS_MAX);
    for (let n = 0; n < 10 && batcher.counts.waiting > 0; n += 1) {
      calls.at(-1)?.fail("ECONNRESET");
      await pass(30_000);
    }
    expect(batcher.counts).toMatchObject({ waiting: 0, dropped: 1 });
    expect(drops[0]?.reason).toBe("unconfirmed");
  });
});

describe("what the API refuses", () => {
  test("one by one is counted by code, and shown with its event", async () => {
    const { batcher, call, rejects } = watched({ eventsMax: 3 });
    batcher.log({ type: "good", message: "" });
    batcher.log({ type: "", message: "" });
    batcher.log({ type: "old", message: "" });
    const rejected = [
      { index: 1, code: "VALIDATION_FAILED", message: "type" },
      { index: 2, code: "EVENT_TOO_OLD", message: "timestamp" },
    ];
    (await call(1)).answer(202, { accepted: 1, rejected, receipt: "1.0.1" });
    await batcher.flush(SOON);
    expect(batcher.counts).toEqual({
      ...{ logged: 3, sent: 3, accepted: 1, rejected: 2, dropped: 0, waiting: 0 },
      reasons: { VALIDATION_FAILED: 1, EVENT_TOO_OLD: 1 },
    });
    expect(rejects.map(({ event }) => event)).toEqual([
      '{"type":"","message":""}',
      '{"type":"old","message":""}',
    ]);
  });

  test("all together, event by event, is rejected and not dropped", async () => {
    const { batcher, call } = watched({ eventsMax: 1 });
    log(batcher, 1);
    const rejected = [{ index: 0, code: "EVENT_TOO_NEW", message: "no" }];
    (await call(1)).answer(422, { code: "VALIDATION_FAILED", detail: "no", accepted: 0, rejected });
    await batcher.flush(SOON);
    expect(batcher.counts).toMatchObject({ rejected: 1, dropped: 0, reasons: { EVENT_TOO_NEW: 1 } });
  });

  test("as a whole is dropped with the error, and does not hold up the next", async () => {
    const { batcher, call, drops } = watched({ eventsMax: 2, flightsMax: 1 });
    log(batcher, 4);
    (await call(1)).answer(403, { code: "FORBIDDEN", detail: "the key lacks events:write" });
    acceptAll(await call(2));
    await batcher.flush(SOON);
    expect(batcher.counts).toMatchObject({ accepted: 2, dropped: 2 });
    expect(drops).toMatchObject([{ reason: "refused", error: { code: "FORBIDDEN" } }]);
    expect(drops[0]?.lines).toHaveLength(2);
  });

  test("in the middle counts what was taken before, and drops the rest", async () => {
    const { batcher, call, drops } = watched({ eventsMax: 3 });
    log(batcher, 3);
    const taken = { accepted: 1, rejected: [{ index: 1, code: "BAD", message: "" }], next_index: 2 };
    (await call(1)).answer(413, { code: "BODY_TOO_LARGE", detail: "no", taken });
    await batcher.flush(SOON);
    expect(batcher.counts).toMatchObject({ accepted: 1, rejected: 1, dropped: 1 });
    expect(drops[0]?.lines).toHaveLength(1);
    expectEven(batcher);
  });

  test("with a 500 is tried a few times and then let go", async () => {
    const { batcher, call, pass, drops } = watched({ eventsMax: 1 });
    log(batcher, 1);
    for (let n = 1; n <= 5; n += 1) {
      (await call(n)).answer(500, { code: "INTERNAL", detail: "no" });
      await pass(30_000);
    }
    expect(batcher.counts).toMatchObject({ dropped: 1, waiting: 0 });
    expect(drops).toMatchObject([{ error: { code: "INTERNAL" } }]);
  });

  test("cannot be sent at all: cyclic ones, and ones larger than a request", () => {
    const { batcher, rejects } = watched();
    batcher.log({ type: "t", message: "m", n: 1n });
    batcher.log({ type: "t", message: "x".repeat(REQUEST_BYTES_MAX) });
    expect(batcher.counts).toMatchObject({ logged: 2, rejected: 2, waiting: 0 });
    expect(rejects.map(({ code }) => code)).toEqual(["BAD_JSON", "EVENT_TOO_LARGE"]);
  });
});

describe("closing", () => {
  test("sends what waits, and takes no more", async () => {
    const { batcher, call, drops } = watched();
    log(batcher, 2);
    const closed = batcher.close(SOON);
    log(batcher, 1);
    acceptAll(await call(1));
    expect(await closed).toMatchObject({ accepted: 2, dropped: 1, waiting: 0 });
    expect(drops.map(({ reason }) => reason)).toEqual(["closed"]);
    expect(await batcher.close()).toMatchObject({ accepted: 2 });
  });

  test("ends in time although the API is away; what was on its way is told from what was not", async () => {
    const { batcher, call, pass, drops } = watched({ eventsMax: 2, flightsMax: 1 });
    log(batcher, 5);
    await call(1);
    const closed = batcher.close({ timeoutMs: 1_000 });
    await pass(1_000);
    expect(await closed).toMatchObject({ logged: 5, dropped: 5, waiting: 0 });
    const dropped = drops.map(({ reason, lines }) => [reason, lines.length]);
    expect(dropped).toEqual([
      ["closed", 2],
      ["closed", 1],
      ["unconfirmed", 2],
    ]);
  });

  test("happens at the end of an `await using`", async () => {
    const api: HeldApi = heldApi();
    const { batcher } = api;
    const use = async () => {
      await using own = batcher;
      log(own, 1);
    };
    const used = use();
    acceptAll(await api.call(1));
    await used;
    expect(batcher.counts).toMatchObject({ accepted: 1, waiting: 0 });
  });
});

test("a flush that takes too long says so, and what waits goes on", async () => {
  const { batcher, call, pass } = heldApi();
  log(batcher, 1);
  const flushed = batcher.flush({ timeoutMs: 100 });
  await call(1);
  await pass(100);
  expect(await flushed).toBe(false);
  acceptAll(await call(1));
  expect(await batcher.flush(SOON)).toBe(true);
  expect(batcher.counts).toMatchObject({ accepted: 1 });
});

test("a listener that throws does no harm", async () => {
  const { batcher } = heldApi({
    bufferedMax: 1,
    onDrop: () => {
      throw new Error("the listener's own");
    },
  });
  expect(() => log(batcher, 2)).not.toThrow();
  expect(batcher.counts).toMatchObject({ waiting: 1, dropped: 1 });
});
