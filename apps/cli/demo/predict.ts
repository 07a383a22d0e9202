import { simulatedFailure } from "@millrace/core";

export interface Dice {
  readonly seed: string;
  readonly taskId: string;
  readonly failureRate: number;
  readonly maxAttempts: number;
  /** Numbers of the attempts that ended with their worker and not by the dice; none when absent. */
  readonly voidAttempts?: ReadonlySet<number>;
}

export interface Prediction {
  readonly status: "completed" | "failed";
  /** The number of the attempt that ends it. */
  readonly attempt: number;
}

/** How a `simulate` task will end, before it has begun: `simulatedFailure` says it of every attempt. */
export function predictSimulated(dice: Dice): Prediction {
  const { maxAttempts, voidAttempts = new Set(), ...roll } = dice;
  let failures = 0;
  for (let attempt = 1; ; attempt += 1) {
    if (voidAttempts.has(attempt)) continue;
    if (!simulatedFailure({ ...roll, attempt })) return { status: "completed", attempt };
    failures += 1;
    if (failures >= maxAttempts) return { status: "failed", attempt };
  }
}
