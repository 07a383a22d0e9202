import { expect, test } from "bun:test";
import { ReadTurns } from "@millrace/api/files/read-turns";

const aTurn = () => new Promise<void>((resolve) => setImmediate(resolve));

test("one takes each turn of the event loop, in the order in which they came; nobody waits for nobody", async () => {
  const turns = new ReadTurns();
  const had: string[] = [];
  const take = async (name: string) => {
    await turns.take();
    had.push(name);
  };
  const all = ["a", "b", "c"].map(take);
  for (const expected of ["a", "ab", "abc"]) {
    await Promise.resolve();
    expect(had.join("")).toBe(expected);
    await aTurn();
  }
  await Promise.all(all);
  await aTurn();
  await take("d");
  expect(had.join("")).toBe("abcd");
});

test("who comes back in every turn does not go before who waits", async () => {
  const turns = new ReadTurns();
  const had: string[] = [];
  const read = async (name: string) => {
    for (let n = 0; n < 4; n += 1) {
      await turns.take();
      had.push(name);
    }
  };
  await Promise.all(["a", "b"].map(read));
  expect(had.join("")).toBe("abababab");
});
