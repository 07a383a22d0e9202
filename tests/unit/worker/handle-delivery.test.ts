import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import type { Delivery } from "@millrace/bus";
import { ATTEMPT_NUMBER_MAX } from "@millrace/core/limits";
import type { Json } from "@millrace/core/task";
import { handleDelivery } from "@millrace/worker/handle-delivery";
import type { TaskContext } from "@millrace/worker/task-type";
import { dispatchOf, LEVEL } from "../../support/bus.ts";

import { FAILED, OK, READY_AT, type Stage, setStage } from "../../support/delivery-stage.ts";

let stage: Stage;
beforeEach(() => {
  stage = setStage();
});
afterEach(() => stage.ports.running.stop());

const deliveryOf = (body: string): Delivery => ({ level: LEVEL, body, reply: "$JS.ACK.x" });
const handle = (overrides = {}) =>
  handleDelivery(deliveryOf(JSON.stringify(dispatchOf(7, overrides))), stage.ports);

describe("before anything runs", () => {
  test("what cannot be read is dropped, and counted", async () => {
    await handleDelivery(deliveryOf("{not json"), stage.ports);
    expect(stage.said).toEqual(["+ACK"]);
    expect(await stage.metrics()).toMatch(/millrace_poison_messages_total(\{[^}]*\})? 1/);
  });

  test("a type without a handler here is offered to others, later", async () => {
    await handle({ task_type: "unheard.of" });
    expect(stage.said).toHaveLength(1);
    expect(stage.said[0]).toMatch(/^-NAK \{"delay": \d{10}\}$/);
    expect(stage.settlements).toEqual([]);
  });

  test("a claim that fails gives the message back, and has our claims looked at: it may have been made", async () => {
    stage.claimAnswer = async () => Promise.reject(new Error("the connection broke"));
    let hasRun = false;
    stage.handler = async () => {
      hasRun = true;
      return OK;
    };
    await handle();
    expect(stage.said[0]).toStartWith("-NAK");
    expect([stage.audits, hasRun]).toEqual([1, false]);
  });

  test("a stale message is done with", async () => {
    stage.claimAnswer = async () => ({ kind: "stale" });
    await handle();
    expect([stage.said, stage.settlements, stage.audits]).toEqual([["+ACK"], [], 0]);
  });

  test("what somebody else holds is left to come again", async () => {
    stage.claimAnswer = async () => ({ kind: "held", by: "other~1" });
    await handle();
    expect([stage.said, stage.settlements, stage.audits]).toEqual([[], [], 0]);
  });

  test("what we hold and do not run has our claims looked at", async () => {
    stage.claimAnswer = async () => ({ kind: "held", by: "me~1" });
    await handle();
    expect([stage.said, stage.audits]).toEqual([[], 1]);
  });
});

describe("whoever orders that something may not start", () => {
  test("waits for what was let through until it is claimed, and not until it has ended", async () => {
    const [claimed, ended] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    stage.claimAnswer = async () => {
      await claimed.promise;
      return { kind: "claimed" };
    };
    stage.handler = async () => {
      await ended.promise;
      return OK;
    };
    const handling = handle();
    let isSettled = false;
    const settled = stage.starts.settled().then(() => {
      isSettled = true;
    });
    await Bun.sleep(0);
    expect([isSettled, stage.ports.running.size]).toEqual([false, 0]);
    claimed.resolve();
    await settled;
    expect(stage.ports.running.size).toBe(1);
    ended.resolve();
    await handling;
  });

  test("does not wait for what does not start", async () => {
    stage.claimAnswer = async () => ({ kind: "held", by: "other~1" });
    await handle();
    await handle({ task_type: "unheard.of" });
    await handleDelivery(deliveryOf("{not json"), stage.ports);
    await stage.starts.settled();
  });
});

describe("a task in a graph", () => {
  test("has its children told of, when it has ended and has any", async () => {
    stage.settleAnswer = async () => ({ kind: "settled", readyAt: null, hasChildren: true });
    await handle();
    stage.settleAnswer = async () => ({ kind: "settled", readyAt: null });
    await handle();
    expect(stage.nudges).toBe(1);
  });
});

describe("a type that is paused", () => {
  beforeEach(() => void stage.paused.add("simulate"));

  test("is parked without an attempt, and its message is done with", async () => {
    stage.claimAnswer = async () => Promise.reject(new Error("nothing is claimed"));
    await handle();
    expect([stage.said, stage.settlements, stage.audits]).toEqual([["+ACK"], [], 0]);
  });

  test("also where nobody has a handler for it", async () => {
    stage.paused.add("unheard.of");
    await handle({ task_type: "unheard.of" });
    expect(stage.said).toEqual(["+ACK"]);
  });

  test("runs when the pause has ended and this worker has not heard of it yet", async () => {
    stage.parkAnswer = async () => false;
    await handle();
    expect(stage.settlements).toMatchObject([{ kind: "completed" }]);
  });

  test("comes again when the database cannot park it", async () => {
    stage.parkAnswer = async () => Promise.reject(new Error("it is away"));
    await handle();
    expect(stage.said).toHaveLength(1);
    expect(stage.said[0]).toStartWith("-NAK");
    expect(stage.settlements).toEqual([]);
  });
});

describe("when it has run", () => {
  test("the outcome is settled, and what follows from it is left to follow-up, acknowledgement included", async () => {
    await handle();
    expect(stage.settlements).toEqual([{ seq: 7, attempt: 1, kind: "completed", result: "done" }]);
    expect(stage.followed).toMatchObject([{ readyAt: READY_AT, settlement: { kind: "completed" } }]);
    expect([stage.said, stage.ports.running.size]).toEqual([[], 0]);
  });

  test.each([
    [{ failures: 0 }, { kind: "failed", delay_ms: 0 }],
    [{ failures: 2 }, { kind: "dead" }],
    [{ failures: 0, attempt: ATTEMPT_NUMBER_MAX }, { kind: "dead" }],
  ])("a failure with %j becomes %j", async (overrides, settlement) => {
    stage.handler = async () => FAILED;
    await handle(overrides);
    expect(stage.settlements).toMatchObject([{ ...settlement, error_code: "BOOM" }]);
    expect(stage.followed).toMatchObject([{ settlement }]);
  });

  test("an outcome that is refused is acknowledged, and nothing follows from it", async () => {
    stage.settleAnswer = async () => ({ kind: "refused" });
    await handle();
    expect([stage.said, stage.followed]).toEqual([["+ACK"], []]);
    expect(await stage.metrics()).toMatch(/millrace_attempts_total\{[^}]*outcome="refused"[^}]*\} 1/);
  });

  test("an outcome that the database cannot take counts as a failure, instead of going round for ever", async () => {
    stage.settleAnswer = async (settlement) =>
      settlement.kind === "completed"
        ? Promise.reject(new Error("22P02"))
        : { kind: "settled", readyAt: READY_AT };
    await handle();
    expect(stage.settlements.at(-1)).toMatchObject({ kind: "failed", error_code: "OUTCOME_NOT_STORABLE" });
    expect(stage.followed).toMatchObject([{ settlement: { kind: "failed" } }]);
  });

  test("if that cannot be written either, the slot is free and our claims are looked at", async () => {
    stage.settleAnswer = async () => Promise.reject(new Error("out of order"));
    await handle();
    expect([stage.said, stage.audits, stage.ports.running.size]).toEqual([[], 1, 0]);
  });

  test("it counts as running from its claim until its outcome is written", async () => {
    const seen: boolean[] = [];
    stage.handler = async () => {
      seen.push(stage.ports.running.has(7));
      return OK;
    };
    stage.settleAnswer = async () => {
      seen.push(stage.ports.running.has(7));
      return { kind: "settled", readyAt: null };
    };
    await handle();
    expect([...seen, stage.ports.running.has(7)]).toEqual([true, true, false]);
  });
});

describe("when it is aborted", () => {
  const abortWith = (kind: "cancelled" | "drained") => {
    stage.handler = ({ signal }) =>
      new Promise((_, reject) => {
        signal.addEventListener("abort", () => reject(signal.reason));
        stage.ports.running.abort(7, 1, kind);
      });
  };

  test("because it was cancelled: nothing is left to settle", async () => {
    abortWith("cancelled");
    await handle();
    expect([stage.said, stage.settlements, stage.followed]).toEqual([["+ACK"], [], []]);
  });

  test("because this worker leaves: it is given back, without a failure", async () => {
    abortWith("drained");
    await handle();
    expect(stage.settlements).toEqual([{ seq: 7, attempt: 1, kind: "returned", delay_ms: 0 }]);
  });

  test("given back with the last attempt number, it is buried, and no next attempt is published", async () => {
    stage.handler = ({ signal }) =>
      new Promise((_, reject) => {
        signal.addEventListener("abort", () => reject(signal.reason));
        stage.ports.running.abort(7, ATTEMPT_NUMBER_MAX, "drained");
      });
    await handle({ attempt: ATTEMPT_NUMBER_MAX });
    expect(stage.followed).toMatchObject([
      { settlement: { kind: "dead", error_code: "ATTEMPT_NUMBERS_USED_UP" } },
    ]);
  });
});

test("the handler gets the payload, the attempt and the correlation id of the dispatch", async () => {
  let seen: Partial<TaskContext> = {};
  stage.handler = async (context) => {
    seen = context;
    return OK;
  };
  const payload: Json = { a: [1, "ü"] };
  await handle({ payload, attempt: 3, correlation_id: "request-9" });
  expect(seen).toMatchObject({ taskId: "task-7", payload, attempt: 3, correlationId: "request-9" });
});

describe("what workers died with", () => {
  test("waits, unclaimed, while another one has the place", async () => {
    stage.isPlaceTaken = true;
    await handle({ runs_alone: true });
    expect(stage.said).toHaveLength(1);
    expect(stage.said[0]).toMatch(/^-NAK \{"delay": \d{10}\}$/);
    expect(stage.settlements).toEqual([]);
    expect(stage.isPlaceTaken).toBe(true);
  });

  test.each([
    ["completed", OK],
    ["failed", FAILED],
  ] as const)("is %s as any other, with its log, and leaves the place", async (kind, outcome) => {
    stage.handler = async () => outcome;
    await handle({ runs_alone: true });
    expect(stage.settlements).toMatchObject([{ kind, log: "alone" }]);
    expect(stage.isPlaceTaken).toBe(false);
  });

  test("leaves the place when its claim is refused, or its end cannot be written", async () => {
    stage.claimAnswer = async () => ({ kind: "stale" });
    await handle({ runs_alone: true });
    expect(stage.isPlaceTaken).toBe(false);
    stage.claimAnswer = async () => ({ kind: "claimed" });
    stage.handler = async () => {
      throw new Error("not even started");
    };
    await handle({ runs_alone: true });
    expect(stage.isPlaceTaken).toBe(false);
    expect(stage.audits).toBe(1);
  });
});
