import { afterEach, beforeEach, expect, test } from "bun:test";
import type { Claim, ClaimAnswer } from "@millrace/store";
import { handleDelivery } from "@millrace/worker/handle-delivery";
import { dispatchOf, LEVEL } from "../../support/bus.ts";
import { OK, type Stage, setStage } from "../../support/delivery-stage.ts";

let stage: Stage;
beforeEach(() => {
  stage = setStage();
});
afterEach(() => stage.ports.running.stop());

const handle = () =>
  handleDelivery({ level: LEVEL, body: JSON.stringify(dispatchOf(7)), reply: "$JS.ACK.x" }, stage.ports);

const other = dispatchOf(8, { tenant: "bolt" });
/** What is claimed, and how it is answered when it is not. */
const claimedBut = (refused: Readonly<Record<number, ClaimAnswer>>): number[] => {
  const asked: number[] = [];
  stage.claimAnswer = async ({ seq }: Claim) => {
    asked.push(seq);
    return refused[seq] ?? { kind: "claimed" };
  };
  return asked;
};
beforeEach(() => {
  stage.isShared = true;
});

test("another tenant's task runs in its turn, and the message goes back at once", async () => {
  const asked = claimedBut({});
  stage.next = async () => other;
  let saidBefore: readonly string[] = [];
  stage.handler = async () => {
    saidBefore = [...stage.said];
    return OK;
  };
  await handle();
  expect([asked, saidBefore, stage.said]).toEqual([[8], ["-NAK"], ["-NAK"]]);
  expect(stage.settlements).toMatchObject([{ seq: 8, kind: "completed" }]);
  expect(stage.followed).toMatchObject([{ dispatch: { seq: 8 }, delivery: { reply: "" } }]);
  expect(await stage.metrics()).toMatch(/millrace_tenant_turns_total(\{[^}]*\})? 1/);
});

test.each([
  ["has been started", { kind: "stale" }],
  ["is being run", { kind: "held", by: "other~1" }],
] as const)("the message's own task runs when the other one %s already", async (_, answer) => {
  const asked = claimedBut({ 8: answer });
  stage.next = async () => other;
  await handle();
  expect([asked, stage.said]).toEqual([[8, 7], []]);
  expect(stage.settlements).toMatchObject([{ seq: 7 }]);
});

test("the message's own task runs when the other one is of a type that is paused or unknown here", async () => {
  stage.paused.add("slow");
  for (const taskType of ["slow", "unheard.of"]) {
    stage.next = async () => dispatchOf(8, { task_type: taskType });
    await handle();
  }
  expect(stage.settlements).toMatchObject([{ seq: 7 }, { seq: 7 }]);
  expect(stage.said).toEqual([]);
});

test("a message whose task was started in an earlier turn brings the next one of its tenant", async () => {
  const asked = claimedBut({ 7: { kind: "stale" } });
  stage.nextOfSame = async () => dispatchOf(9);
  await handle();
  expect([asked, stage.said]).toEqual([[7, 9], ["+ACK"]]);
  expect(stage.settlements).toMatchObject([{ seq: 9 }]);
});

test("nobody is asked elsewhere", async () => {
  stage.isShared = false;
  stage.next = stage.nextOfSame = async () => Promise.reject(new Error("somebody asked"));
  await handle();
  claimedBut({ 7: { kind: "stale" } });
  await handle();
  expect(stage.settlements).toMatchObject([{ seq: 7 }]);
});

test("a claim that found others beside it is heeded", async () => {
  claimedBut({ 7: { kind: "claimed", isShared: true } });
  await handle();
  expect(stage.sharings).toBe(1);
});
