import { afterEach, expect, test } from "bun:test";
import { Rereader } from "@millrace/bus";
import { until } from "../../support/bus.ts";

const NEVER_MS = 600_000;

let rereader: Rereader;
afterEach(() => rereader?.stop());

/** A reading that ends when the test says so. */
function held() {
  const begun: { end: () => void; fail: () => void }[] = [];
  const read = (): Promise<void> =>
    new Promise<void>((resolve, reject) => {
      begun.push({ end: resolve, fail: () => reject(new Error("away")) });
    });
  return { begun, read };
}

test("whoever asks during a reading gets one that began later, and all who ask meanwhile share it", async () => {
  const { begun, read } = held();
  rereader = new Rereader({ read, lookMs: NEVER_MS, retryMs: NEVER_MS });
  const first = rereader.refresh();
  const later = [rereader.refresh(), rereader.refresh(), rereader.refresh()];
  let isLaterOver = false;
  void Promise.all(later).then(() => {
    isLaterOver = true;
  });
  begun[0]?.end();
  expect(await first).toBe(true);
  await until("the second has begun", () => begun.length === 2);
  expect(isLaterOver).toBe(false);
  begun[1]?.end();
  expect(await Promise.all(later)).toEqual([true, true, true]);
  expect(begun).toHaveLength(2);
});

test("there are never two readings at a time, whenever somebody asks", async () => {
  let running = 0;
  let most = 0;
  let readings = 0;
  const read = async (): Promise<void> => {
    running += 1;
    readings += 1;
    most = Math.max(most, running);
    await Bun.sleep(0);
    running -= 1;
  };
  rereader = new Rereader({ read, lookMs: NEVER_MS, retryMs: NEVER_MS });
  for (let turn = 0; turn < 50; turn += 1) {
    const asked = [rereader.refresh(), rereader.refresh()];
    await Promise.race(asked);
    asked.push(rereader.refresh());
    expect(await Promise.all(asked)).toEqual([true, true, true]);
  }
  expect(most).toBe(1);
  expect(readings).toBeGreaterThanOrEqual(100);
});

test("a reading that failed is said to have, is told, and is repeated soon", async () => {
  const { begun, read } = held();
  const failures: unknown[] = [];
  rereader = new Rereader({ read, lookMs: NEVER_MS, retryMs: 1, onFailure: (error) => failures.push(error) });
  const asked = rereader.refresh();
  begun[0]?.fail();
  expect(await asked).toBe(false);
  expect(failures).toHaveLength(1);
  await until("it is repeated", () => begun.length === 2);
  begun[1]?.end();
});

test("one that was read is read again after its time, and not once it is stopped", async () => {
  let readings = 0;
  const read = async (): Promise<void> => {
    readings += 1;
  };
  rereader = new Rereader({ read, lookMs: 1, retryMs: NEVER_MS });
  await rereader.refresh();
  await until("it is read again", () => readings >= 3);
  rereader.stop();
  const stoppedAt = readings;
  expect(await rereader.refresh()).toBe(false);
  expect(readings).toBe(stoppedAt);
});
