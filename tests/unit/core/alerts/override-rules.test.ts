import { expect, test } from "bun:test";
import { isAlertOverride, overriddenRules } from "@millrace/core/alerts/override-rules";
import { ALERT_RULES } from "@millrace/core/alerts/rules";

const ruleOf = (overrides: readonly string[], name: string) =>
  overriddenRules(overrides).find((rule) => rule.name === name);

test.each([
  "queue_age.threshold=60",
  "queue_age.for=0.5",
  "error_rate.resolve=0.1",
  "part_down.clear=0",
  "error_rate=off",
])("%j is an override", (text) => expect(isAlertOverride(text)).toBe(true));

test.each([
  "",
  "queue_age",
  "queue_age.threshold",
  "queue_age.threshold=-1",
  "queue_age.threshold=x",
  "no_rule=off",
  "queue_age.height=3",
  "queue_age=on",
])("%j is none", (text) => expect(isAlertOverride(text)).toBe(false));

test("without overrides the rules are as they are", () => {
  expect(overriddenRules([])).toEqual(ALERT_RULES);
});

test("a threshold takes the lower bound along; both can be said", () => {
  expect(ruleOf(["queue_age.threshold=10"], "queue_age")).toMatchObject({ threshold: 10, resolveBelow: 5 });
  expect(
    ruleOf(
      ["queue_age.threshold=10", "queue_age.resolve=9", "queue_age.for=2", "queue_age.clear=3"],
      "queue_age",
    ),
  ).toMatchObject({
    ...{ threshold: 10, resolveBelow: 9, forMs: 2_000, clearMs: 3_000 },
  });
});

test("a rule never resolves above its threshold", () => {
  expect(ruleOf(["queue_age.resolve=900"], "queue_age")).toMatchObject({ threshold: 300, resolveBelow: 300 });
});

test("a rule that is off is not there, and the others are", () => {
  expect(ruleOf(["queue_age=off"], "queue_age")).toBeUndefined();
  expect(overriddenRules(["queue_age=off"])).toHaveLength(ALERT_RULES.length - 1);
});
