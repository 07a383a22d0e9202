import { expect, test } from "bun:test";
import { judgeEventLosses } from "@millrace/core/event-alerts";

test("nothing missing is no alert", () => {
  expect(judgeEventLosses({ messages: 0, events: 0 })).toBeNull();
});

test.each([
  { messages: 1, events: 0 },
  { messages: 1, events: 1 },
  { messages: 2, events: 2_000 },
])("%p is a critical one that says how much", (losses) => {
  const alert = judgeEventLosses(losses);
  expect(alert).toMatchObject({ code: "EVENTS_UNACCOUNTED", severity: "critical" });
  expect(alert?.message).toContain(`${losses.events} that were accepted are missing, in ${losses.messages} `);
});
