import { expect, test } from "bun:test";
import { QueryGate } from "@millrace/api/events-query/query-gate";
import { EVENT_QUERIES_WAITING_MAX } from "@millrace/core/limits";
import { openPool } from "@millrace/store";

const AT_ONCE = 3;
/** Connects to nobody: no query here asks it anything. */
const sql = openPool({ url: "postgres://nobody@127.0.0.1:1/none", max: 1, applicationName: "test" });

/** Queries that go on until they are told to end, in the order in which they began. */
function gateOf(waitMsMax: number) {
  const gate = new QueryGate(sql, { atOnce: AT_ONCE, waitMsMax });
  const began: number[] = [];
  const ends: (() => void)[] = [];
  let running = 0;
  let most = 0;
  const ask = (name: number): Promise<number | string> =>
    gate
      .run(async () => {
        began.push(name);
        running += 1;
        most = Math.max(most, running);
        await new Promise<void>((resolve) => ends.push(resolve));
        running -= 1;
        return name;
      })
      .catch((error) => error.code);
  return { ask, began, endNext: () => ends.shift()?.(), most: () => most };
}
const names = (count: number) => Array.from({ length: count }, (_, n) => n);
const turn = () => new Promise(setImmediate);

test("those that wait come in their order, and never more run than may", async () => {
  const { ask, began, endNext, most } = gateOf(60_000);
  const asked = names(12).map(ask);
  for (const _ of names(12)) {
    await turn();
    endNext();
  }
  expect(await Promise.all(asked)).toEqual(names(12));
  expect([began, most()]).toEqual([names(12), AT_ONCE]);
});

test("who has waited too long is told so, and takes nobody's place", async () => {
  const { ask, endNext } = gateOf(20);
  const running = names(AT_ONCE).map(ask);
  expect(await ask(99)).toBe("OVERLOADED");
  for (const _ of running) endNext();
  expect(await Promise.all(running)).toEqual(names(AT_ONCE));
  const again = names(AT_ONCE).map(ask);
  await turn();
  for (const _ of again) endNext();
  expect(await Promise.all(again)).toEqual(names(AT_ONCE));
});

test("beyond those that may wait, one is refused at once", async () => {
  const { ask, endNext } = gateOf(60_000);
  const all = AT_ONCE + EVENT_QUERIES_WAITING_MAX;
  const asked = names(all).map(ask);
  expect(await ask(99)).toBe("OVERLOADED");
  for (const _ of names(all)) {
    endNext();
    await turn();
  }
  expect(await Promise.all(asked)).toEqual(names(all));
});

test("a query that fails leaves its place", async () => {
  const gate = new QueryGate(sql, { atOnce: AT_ONCE });
  for (const _ of names(10))
    await expect(gate.run(() => Promise.reject(new Error("no")))).rejects.toThrow("no");
  expect(await gate.run(async () => "yes")).toBe("yes");
});
