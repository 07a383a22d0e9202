import { beforeEach, expect, test } from "bun:test";
import type { Bus, Delivery } from "@millrace/bus";
import type { Hold, HoldAnswer } from "@millrace/store";
import type { Admission } from "@millrace/worker/guards/guards";
import { passGuards } from "@millrace/worker/guards/pass-guards";
import type { WorkerPorts } from "@millrace/worker/ports";
import type { RunEnd } from "@millrace/worker/run-attempt";
import { dispatchOf, LEVEL } from "../../../support/bus.ts";

let said: string[];
let told: unknown[];
let holds: Hold[];
let ends: (RunEnd | null)[];
let isForgiven: boolean;
let isConcerned: boolean;
let answer: HoldAnswer;
let admit: () => Promise<Admission>;
beforeEach(() => {
  [said, told, holds, ends] = [[], [], [], []];
  [isForgiven, isConcerned, answer] = [false, true, "held"];
  admit = async () => ({
    kind: "pass",
    end: (end) => {
      ends.push(end);
      return { isForgiven };
    },
  });
});

const DELIVERY: Delivery = { level: LEVEL, body: "", reply: "$JS.ACK.x" };
const pass = () => {
  const connection = { isClosed: () => false, publish: (_: string, word: string) => said.push(word) };
  const ports = {
    bus: { connection } as unknown as Bus,
    guards: { concern: () => isConcerned, admit: () => admit() },
    holdings: {
      hold: async (hold: Hold) => {
        holds.push(hold);
        return answer;
      },
    },
    log: { warning: () => {} },
    tell: (_: unknown, step: unknown) => told.push(step),
  } as unknown as WorkerPorts;
  return passGuards(DELIVERY, dispatchOf(7), ports);
};
const FAILED: RunEnd = { kind: "failed", error: { code: "TIMEOUT", message: "" }, isRetryable: true };

test("what no guard is concerned with is not asked about", async () => {
  isConcerned = false;
  admit = () => Promise.reject(new Error("asked all the same"));
  expect((await pass())?.ended(FAILED)).toBe(FAILED);
});

test("what is held back is parked for it, and its message is done with", async () => {
  admit = async () => ({ kind: "held", heldBy: "limit:type:simulate" });
  expect(await pass()).toBeNull();
  expect(holds).toEqual([{ seq: 7, attempt: 1, name: "limit:type:simulate" }]);
  expect([said, told]).toEqual([["+ACK"], [{ status: "pending", phase: "parked" }]]);
});

test("a message of no use any more is done with, too, and nobody is told of a parked task", async () => {
  admit = async () => ({ kind: "held", heldBy: "breaker:https://example.org" });
  answer = "stale";
  expect(await pass()).toBeNull();
  expect([said, told]).toEqual([["+ACK"], []]);
});

test("what somebody runs is left alone", async () => {
  admit = async () => ({ kind: "held", heldBy: "breaker:https://example.org" });
  answer = "claimed";
  expect(await pass()).toBeNull();
  expect([said, told]).toEqual([[], []]);
});

test("when nobody can say, the message comes again", async () => {
  admit = () => Promise.reject(new Error("the database is away"));
  expect(await pass()).toBeNull();
  expect(said[0]).toStartWith("-NAK");
});

test("a guard hears of one end, the first one", async () => {
  const passed = await pass();
  expect(passed?.ended(FAILED)).toBe(FAILED);
  passed?.unused();
  passed?.ended(FAILED);
  expect(ends).toEqual([FAILED]);
});

test("a probe that failed is given back, and is no failure", async () => {
  isForgiven = true;
  expect((await pass())?.ended(FAILED)).toEqual({ kind: "aborted", why: "probe" });
});

test("what could not start after all was not used", async () => {
  (await pass())?.unused();
  expect(ends).toEqual([null]);
});
