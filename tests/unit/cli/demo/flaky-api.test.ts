import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { type FlakyApi, moodOf, startFlakyApi } from "@millrace/cli/demo/flaky-api";

const SEED = "7";
const KEYS = Array.from({ length: 500 }, (_, index) => `key-${index}`);

let api: FlakyApi;
beforeEach(async () => {
  api = await startFlakyApi(SEED);
});
afterEach(() => api.stop());

function keyInMood(first: ReturnType<typeof moodOf>): string {
  const key = KEYS.find((each) => moodOf(SEED, each, 1) === first && moodOf(SEED, each, 2) === "answer");
  if (key === undefined) throw new Error(`no key starts with ${first}`);
  return key;
}

function charge(key: string | undefined, amount: number): Promise<Response> {
  const headers: Record<string, string> = key === undefined ? {} : { "Idempotency-Key": key };
  return fetch(api.chargeUrl, { method: "POST", headers, body: JSON.stringify({ amount }) });
}

describe("the flaky API", () => {
  test("charges nothing when it refuses", async () => {
    const key = keyInMood("refuse");
    expect((await charge(key, 5)).status).toBe(503);
    expect(api.charges.has(key)).toBe(false);
    expect((await charge(key, 5)).status).toBe(200);
    expect(api.charges.get(key)).toBe(5);
  });

  test("charges once although the first answer is lost and the call is made again", async () => {
    const key = keyInMood("cut");
    await expect(charge(key, 5)).rejects.toThrow();
    expect(api.charges.get(key)).toBe(5);
    expect(await (await charge(key, 9)).json()).toEqual({ charged: 5 });
    expect(api.calls.get(key)).toBe(2);
    expect(api.lostAnswers()).toBe(1);
  });

  test("notices who does not wait as long as it asked", async () => {
    const key = keyInMood("busy");
    const busy = await charge(key, 5);
    expect([busy.status, busy.headers.get("retry-after")]).toEqual([429, "1"]);
    await charge(key, 5);
    expect(api.hastyCalls()).toBe(1);
  });

  test("charges nothing without a key", async () => {
    expect((await charge(undefined, 5)).status).toBe(400);
    expect(api.charges.size).toBe(0);
    expect(api.callsWithoutKey()).toBe(1);
  });

  test("answers about three calls in four", () => {
    const answered = KEYS.filter((key) => moodOf(SEED, key, 1) === "answer").length;
    expect(answered).toBeGreaterThan(330);
    expect(answered).toBeLessThan(420);
  });
});
