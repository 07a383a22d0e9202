import { expect, test } from "bun:test";
import { simulatedFailure } from "@millrace/core";

function failures(
  failureRate: number,
  attempts: { seed: string; taskId: string; attempt: number }[],
): number {
  return attempts.filter((attempt) => simulatedFailure({ ...attempt, failureRate })).length;
}

const hundredThousand = Array.from({ length: 100_000 }, (_, index) => index);

test("the same seed, task and attempt always end the same way", () => {
  const attempt = { seed: "7", taskId: "task-1", attempt: 2, failureRate: 0.5 };
  const first = simulatedFailure(attempt);
  for (let time = 0; time < 100; time += 1) expect(simulatedFailure(attempt)).toBe(first);
});

test("the dice are these: a change of the hash changes every prediction that people made", () => {
  const attempts = [1, 2, 3, 4, 5, 6, 7, 8].map((attempt) => ({ seed: "42", taskId: "a", attempt }));
  const ends = attempts.map((attempt) => simulatedFailure({ ...attempt, failureRate: 0.3 }));
  expect(ends).toEqual([true, false, false, false, true, false, true, true]);
  expect(
    failures(
      0.3,
      hundredThousand.map((n) => ({ seed: "1", taskId: `t-${n}`, attempt: 1 })),
    ),
  ).toBe(29_856);
});

test("a rate of 0 never fails and a rate of 1 always does", () => {
  const attempts = hundredThousand.map((n) => ({ seed: "s", taskId: `t-${n}`, attempt: 1 }));
  expect(failures(0, attempts)).toBe(0);
  expect(failures(1, attempts)).toBe(attempts.length);
});

for (const rate of [0.01, 0.3, 0.5, 0.9]) {
  // 5 standard deviations of a fair die: the inputs are fixed, so this holds or it does not.
  const slack = 5 * Math.sqrt(100_000 * rate * (1 - rate));

  test(`over tasks, a share of ${rate} fails`, () => {
    const count = failures(
      rate,
      hundredThousand.map((n) => ({ seed: "1", taskId: `task-${n}`, attempt: 1 })),
    );
    expect(Math.abs(count - 100_000 * rate)).toBeLessThan(slack);
  });

  test(`over the attempts of one task, a share of ${rate} fails`, () => {
    const count = failures(
      rate,
      hundredThousand.map((n) => ({ seed: "1", taskId: "task", attempt: n + 1 })),
    );
    expect(Math.abs(count - 100_000 * rate)).toBeLessThan(slack);
  });
}

test("attempts of one task are independent: 0.3 fails three times in a row for 2.7 % of the tasks", () => {
  const dead = hundredThousand.filter((n) =>
    [1, 2, 3].every((attempt) => simulatedFailure({ seed: "9", taskId: `t${n}`, attempt, failureRate: 0.3 })),
  );
  expect(dead.length).toBeGreaterThan(2_700 - 260);
  expect(dead.length).toBeLessThan(2_700 + 260);
});
