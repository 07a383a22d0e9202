import { expect, test } from "bun:test";
import { ReadTurns } from "@millrace/api/files/read-turns";

const aTurn = () => new Promise<void>((resolve) => setImmediate(resolve));

test("of several, one has each turn of the event loop, in the order in which they came", async () => {
  const turns = new ReadTurns();
  const had: string[] = [];
  const bodies = ["a", "b", "c"].map((name) => ({ name, ...turns.join() }));
  const all = bodies.map(async ({ name, next }) => {
    await next();
    had.push(name);
  });
  for (const expected of ["a", "ab", "abc"]) {
    await Promise.resolve();
    expect(had.join("")).toBe(expected);
    await aTurn();
  }
  await Promise.all(all);
});

test("who comes back in every turn does not go before who waits", async () => {
  const turns = new ReadTurns();
  const had: string[] = [];
  const read = async ({ name, next }: { readonly name: string; readonly next: () => Promise<void> }) => {
    for (let n = 0; n < 4; n += 1) {
      await next();
      had.push(name);
    }
  };
  const bodies = ["a", "b"].map((name) => ({ name, ...turns.join() }));
  await Promise.all(bodies.map(read));
  expect(had.join("")).toBe("abababab");
});

test("who is alone, or alone again, waits for no turn", async () => {
  const turns = new ReadTurns();
  const lone = turns.join();
  const other = turns.join();
  await other.next();
  other.leave();
  let isTurned = false;
  const turned = aTurn().then(() => {
    isTurned = true;
  });
  for (let n = 0; n < 5; n += 1) await lone.next();
  expect(isTurned).toBe(false);
  await turned;
});
