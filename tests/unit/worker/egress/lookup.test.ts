import { expect, test } from "bun:test";
import { cachedLookup, systemLookup } from "@millrace/worker/egress/lookup";

function counted(answer: (host: string) => Promise<readonly string[]>) {
  const asked: string[] = [];
  let nowMs = 0;
  const lookup = cachedLookup({
    lookup: (host) => {
      asked.push(host);
      return answer(host);
    },
    nowMs: () => nowMs,
    keepMs: 1_000,
    namesMax: 2,
  });
  return { lookup, asked, pass: (ms: number) => (nowMs += ms) };
}

test("the system's resolver knows localhost", async () => {
  const addresses = await systemLookup("localhost");
  expect(addresses.some((address) => address === "127.0.0.1" || address === "::1")).toBe(true);
});

test("the system's resolver rejects a name that does not exist", async () => {
  expect(systemLookup("does-not-exist.invalid")).rejects.toThrow();
});

test("a name is asked for once, also by those who ask at the same time, until its time has passed", async () => {
  const { lookup, asked, pass } = counted(async (host) => [`for ${host}`]);
  expect(await Promise.all([lookup("a"), lookup("a")])).toEqual([["for a"], ["for a"]]);
  pass(999);
  await lookup("a");
  expect(asked).toEqual(["a"]);
  pass(1);
  await lookup("a");
  expect(asked).toEqual(["a", "a"]);
});

test("a failure is not kept", async () => {
  let isDown = true;
  const { lookup, asked } = counted(async () => {
    if (isDown) throw new Error("ENOTFOUND");
    return ["1.1.1.1"];
  });
  await expect(lookup("a")).rejects.toThrow("ENOTFOUND");
  isDown = false;
  expect(await lookup("a")).toEqual(["1.1.1.1"]);
  expect(asked).toEqual(["a", "a"]);
});

test("the number of names is bounded: the oldest goes", async () => {
  const { lookup, asked } = counted(async () => ["1.1.1.1"]);
  for (const host of ["a", "b", "c", "b", "c", "a"]) await lookup(host);
  expect(asked).toEqual(["a", "b", "c", "a"]);
});
