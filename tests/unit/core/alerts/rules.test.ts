import { expect, test } from "bun:test";
import { ALERT_NAMES, ALERT_RULES } from "@millrace/core/alerts/rules";

test("every name has one rule, in their order", () => {
  expect(ALERT_RULES.map(({ name }) => name)).toEqual([...ALERT_NAMES]);
});

test("no rule resolves above its threshold, and each can say what is wrong", () => {
  for (const rule of ALERT_RULES) {
    expect(rule.resolveBelow).toBeLessThanOrEqual(rule.threshold);
    const summary = rule.say({ subject: "thing", value: rule.threshold });
    expect(summary).not.toContain("undefined");
    expect(summary.length).toBeGreaterThan(10);
  }
});
