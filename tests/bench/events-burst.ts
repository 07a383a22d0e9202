/**
 * Five million events through the api of the whole product, while the recorder is killed five times and NATS and
 * PostgreSQL once each: the story of tests/chaos/events-burst, larger.
 */
import { newDice } from "../support/dice.ts";
import { runBurst } from "../support/event-burst.ts";
import { startStack } from "../support/running-stack.ts";

const EVENTS = 5_000_000;
const DEADLINE_MS = 15 * 60_000;

export async function benchEventsBurst(say: (line: string) => void): Promise<void> {
  const stack = await startStack({ LOG_LEVEL: "WARNING" });
  try {
    const report = await runBurst(stack, { events: EVENTS, dice: newDice(), deadlineMs: DEADLINE_MS });
    const { accepted, stored, duplicates, ledger, acceptedSeconds, storedSeconds } = report;
    say(
      `accepted ${accepted}, stored ${stored}, duplicates ${duplicates}; killed: ${report.killed.join(", ")}`,
    );
    say(
      `ledger ${ledger.isEven ? "even" : "NOT EVEN"}: accepted ${ledger.accepted}, stored ${ledger.stored}, deduplicated ${ledger.deduplicated}, unaccounted ${ledger.unaccounted}`,
    );
    say(
      `accepted in ${acceptedSeconds.toFixed(1)} s, stored in ${storedSeconds.toFixed(1)} s (${Math.round(stored / storedSeconds)} events/s); repeated by clients: ${JSON.stringify(report.repeated)}`,
    );
    if (stored !== accepted || duplicates > 0 || !ledger.isEven) throw new Error("the burst does not add up");
  } finally {
    await stack.stop();
  }
}
