import { describe, expect, test } from "bun:test";
import { ApiError, UnreachableError } from "@millrace/client";
import { batchWaitMs, readOptions } from "@millrace/client/batch-rules";
import { BATCH_RETRY_MS_MAX } from "@millrace/client/bounds";

test("options that make no sense are refused by name", () => {
  for (const options of [
    ...[{ eventsMax: 0 }, { eventsMax: 10_001 }, { bytesMax: 5 * 1024 * 1024 }, { delayMs: -1 }],
    ...[{ flightsMax: 1.5 }, { flightsMax: 9 }, { bufferedMax: Number.NaN }, { bufferedBytesMax: 0 }],
  ])
    expect(() => readOptions(options)).toThrow(Object.keys(options)[0] ?? "");
});

test("zero is a delay", () => {
  expect(readOptions({ delayMs: 0 }).delayMs).toBe(0);
});

describe("between two rounds", () => {
  const refusal = (status: number, retryAfterMs: number | null = null) =>
    new ApiError({ status, code: "X", detail: "", retryAfterMs });
  const wait = (error: unknown, rounds = 1) => batchWaitMs(error, rounds, () => 1);

  test("waits double up to half a minute while nobody answers", () => {
    const away = new UnreachableError("http://api.test", "ECONNREFUSED");
    expect([1, 2, 3].map((rounds) => wait(away, rounds))).toEqual([100, 200, 400]);
    expect(wait(away, 1_000)).toBe(BATCH_RETRY_MS_MAX);
  });

  test("the API's wish is heard, up to the same bound", () => {
    expect(wait(refusal(503, 7_000))).toBe(7_000);
    expect(wait(refusal(429, 3_600_000))).toBe(BATCH_RETRY_MS_MAX);
  });

  test("there is none for what does not pass", () => {
    for (const error of [refusal(401), refusal(403), refusal(413), refusal(200), new TypeError("a bug")])
      expect(wait(error)).toBeNull();
  });

  test("a mistake of the API's is given a few rounds", () => {
    expect(wait(refusal(500), 4)).not.toBeNull();
    expect(wait(refusal(500), 5)).toBeNull();
  });
});
