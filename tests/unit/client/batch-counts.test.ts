import { expect, test } from "bun:test";
import { Counting } from "@millrace/client/batch-counts";
import { REASONS_MAX } from "@millrace/client/bounds";
import fc from "fast-check";
import { acceptAll, expectEven, type HeldCall, log, watched } from "./held-api.ts";

test("reasons are counted by code, and their number is bounded", () => {
  const counting = new Counting();
  for (let n = 0; n < REASONS_MAX + 10; n += 1) counting.reject(`CODE_${n}`);
  counting.reject("CODE_0", 5);
  const { rejected, reasons } = counting.read();
  expect(rejected).toBe(REASONS_MAX + 15);
  expect(reasons).toMatchObject({ CODE_0: 6, "(others)": 10 });
  expect(Object.keys(reasons)).toHaveLength(REASONS_MAX + 1);
});

test("whatever the API does, every event is counted exactly once", async () => {
  const fate = fc.constantFrom("accept", "reject", "refuse", "lose", "busy");
  const plan = fc.record({
    events: fc.integer({ min: 1, max: 40 }),
    eventsMax: fc.integer({ min: 1, max: 7 }),
    bufferedMax: fc.integer({ min: 1, max: 30 }),
    fates: fc.array(fate, { minLength: 1, maxLength: 20 }),
  });
  const property = fc.asyncProperty(plan, async ({ events, fates, ...options }) => {
    const { batcher, calls, pass, drops } = watched(options);
    log(batcher, events);
    const closed = batcher.close({ timeoutMs: 600_000 });
    let answered = 0;
    for (let turn = 0; turn < 1_000 && batcher.counts.waiting > 0; turn += 1) {
      const call = calls[answered];
      if (call === undefined) await pass(1_000);
      else {
        decide(call, fates[answered] ?? "accept");
        answered += 1;
      }
      expectEven(batcher);
    }
    await pass(600_000);
    const { dropped, waiting } = await closed;
    expect(waiting).toBe(0);
    expect(drops.reduce((sum, { lines }) => sum + lines.length, 0)).toBe(dropped);
    expectEven(batcher);
  });
  await fc.assert(property, { numRuns: 30 });
});

function decide(call: HeldCall, fate: string): void {
  const rejected = [{ index: 0, code: "BAD_JSON", message: "" }];
  if (fate === "lose") call.fail("ECONNRESET");
  else if (fate === "busy") call.answer(503, { code: "EVENTS_BACKLOG", detail: "no" });
  else if (fate === "refuse") call.answer(401, { code: "UNAUTHENTICATED", detail: "no" });
  else if (fate === "reject")
    call.answer(202, { accepted: call.lines.length - 1, rejected, receipt: "1.0.1" });
  else acceptAll(call);
}
