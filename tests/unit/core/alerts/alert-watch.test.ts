import { expect, test } from "bun:test";
import { AlertWatch, alertIdOf } from "@millrace/core/alerts/alert-watch";
import type { AlertRule } from "@millrace/core/alerts/rules";

const RULE: AlertRule = {
  ...{ name: "queue_age", severity: "warning" },
  ...{ threshold: 10, forMs: 5, resolveBelow: 6, clearMs: 3 },
  say: ({ subject, value }) => `${subject} ${value}`,
};

/** Rounds at given times with given values; each change is taken for done, as the keeper does. */
function follow(rounds: readonly (readonly [nowMs: number, value: number | undefined])[]): readonly string[] {
  const watch = new AlertWatch([RULE]);
  const told: string[] = [];
  for (const [nowMs, value] of rounds) {
    const readings = value === undefined ? [] : [{ rule: RULE.name, labels: { lane: "short" }, value }];
    for (const { kind, alert } of watch.judge({ readings, isMeasured: () => true, nowMs })) {
      told.push(`${nowMs} ${kind} ${alert.summary}`);
      if (kind === "fire") watch.adopt(alert);
      else watch.drop(alert.id);
    }
  }
  return told;
}

test("it fires once the value has been over the threshold for long enough, and not before", () => {
  expect(
    follow([
      [0, 10],
      [4, 12],
      [5, 11],
      [6, 20],
    ]),
  ).toEqual(["5 fire short 11"]);
});

test("a value that falls below the threshold in between begins anew", () => {
  expect(
    follow([
      [0, 10],
      [4, 9],
      [5, 10],
      [9, 10],
    ]),
  ).toEqual([]);
});

test("it is over only below the lower bound, for long enough: a value that trembles tells nobody twice", () => {
  const fired = [
    [0, 10],
    [5, 10],
  ] as const;
  expect(follow([...fired, [6, 7], [20, 9], [30, 6]])).toEqual(["5 fire short 10"]);
  expect(follow([...fired, [6, 5], [8, 6], [9, 5], [11, 5]])).toEqual(["5 fire short 10"]);
  expect(follow([...fired, [6, 5], [9, 5]])).toEqual(["5 fire short 10", "9 resolve short 10"]);
});

test("what is measured and has no reading any more is well", () => {
  expect(
    follow([
      [0, 10],
      [5, 10],
      [6, undefined],
      [9, undefined],
    ]),
  ).toEqual(["5 fire short 10", "9 resolve short 10"]);
});

test("what could not be measured stays as it is", () => {
  const watch = new AlertWatch([RULE]);
  const reading = { rule: RULE.name, labels: {}, value: 99 };
  watch.judge({ readings: [reading], isMeasured: () => true, nowMs: 0 });
  for (const change of watch.judge({ readings: [reading], isMeasured: () => true, nowMs: 5 }))
    watch.adopt(change.alert);
  expect(watch.judge({ readings: [], isMeasured: () => false, nowMs: 1_000 })).toEqual([]);
  expect(watch.firing()).toHaveLength(1);
});

test("a change that could not be made is told again", () => {
  const watch = new AlertWatch([{ ...RULE, forMs: 0 }]);
  const round = { readings: [{ rule: RULE.name, labels: {}, value: 99 }], isMeasured: () => true };
  expect(watch.judge({ ...round, nowMs: 0 })).toHaveLength(1);
  expect(watch.judge({ ...round, nowMs: 1 })).toHaveLength(1);
});

test("of several readings of one thing the worst counts", () => {
  const watch = new AlertWatch([{ ...RULE, forMs: 0 }]);
  const readings = [3, 42, 7].map((value) => ({ rule: RULE.name, labels: { lane: "long" }, value }));
  const [change] = watch.judge({ readings, isMeasured: () => true, nowMs: 0 });
  expect(change?.alert).toMatchObject({ id: "queue_age:long", value: 42, threshold: 10 });
});

test("a rule that is off says nothing", () => {
  const watch = new AlertWatch([]);
  const readings = [{ rule: RULE.name, labels: {}, value: 99 }];
  expect(watch.judge({ readings, isMeasured: () => true, nowMs: 0 })).toEqual([]);
});

test("the same thing has the same id, in whatever order its labels come", () => {
  expect(alertIdOf("queue_age", { b: "2", a: "1" })).toBe(alertIdOf("queue_age", { a: "1", b: "2" }));
  expect(alertIdOf("error_rate", {})).toBe("error_rate");
});
