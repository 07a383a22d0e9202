import { expect, test } from "bun:test";
import { Board } from "@millrace/cli/demo/board";
import type { Claim, Part } from "@millrace/cli/demo/part";
import { runDemo } from "@millrace/cli/demo/run-demo";
import { createClient } from "@millrace/client";

const COUNTS = { pending: 0, running: 0, completed: 1, dead: 0, cancelled: 0, retries: 0 };

function part(name: string, claims: readonly Claim[]): Part {
  return { name, story: "of a test", run: async () => ({ counts: COUNTS, claims }) };
}

function stageOn(written: string[], signal = new AbortController().signal) {
  const board = new Board({ write: (text) => void written.push(text), columns: undefined, nowMs: () => 0 });
  const client = createClient({ baseUrl: "http://api.test" });
  return {
    client,
    clientOver: () => client,
    newPerson: async () => client,
    run: "r",
    seed: "7",
    board,
    signal,
  };
}

const TRUE = { claim: "water flows down", holds: true, seen: "it does" };
const FALSE = { claim: "water flows up", holds: false, seen: "it does not" };

test("a demo whose predictions all hold succeeds", async () => {
  const written: string[] = [];
  expect(await runDemo(stageOn(written), [part("a", [TRUE]), part("b", [TRUE])])).toBe(true);
  expect(written.join("")).toContain("all 2 predictions came true");
});

test("one prediction that does not hold fails the demo, and is named in the end", async () => {
  const written: string[] = [];
  expect(await runDemo(stageOn(written), [part("a", [TRUE, FALSE]), part("b", [TRUE])])).toBe(false);
  expect(written.join("")).toContain("did not hold: water flows up: it does not");
  expect(written.join("")).toMatch(/^a .* NO$/m);
  expect(written.join("")).toMatch(/^b .* yes$/m);
});

test("an interrupted demo begins no further part", async () => {
  const written: string[] = [];
  const stage = stageOn(written, AbortSignal.abort(new Error("enough")));
  await expect(runDemo(stage, [part("a", [TRUE])])).rejects.toThrow("enough");
  expect(written).toEqual([]);
});
