import { decodePartReport, LIVE_PARTS_SUBJECT, type PartReport } from "@millrace/protocol";
import type { Bus } from "./connect.ts";

/** Answers, until the returned function is called, whoever asks how this process is. Nobody asks, nothing is done. */
export function answerForPart(bus: Bus, report: () => Promise<PartReport>): () => void {
  const subscription = bus.connection.subscribe(LIVE_PARTS_SUBJECT, {
    callback: (error, message) => {
      if (error !== null) return;
      report().then(
        (told) => message.respond(JSON.stringify(told)),
        () => {}, // Silence says it as well: whoever asks counts a part that does not answer as down.
      );
    },
  });
  return () => subscription.unsubscribe();
}

/** Processes whose answers are read; more are left out. */
const ANSWERS_MAX = 500;

/** How every process is that answers within the time. Rejects when NATS is away. */
export async function askParts(bus: Bus, waitMs: number): Promise<readonly PartReport[]> {
  const answers = await bus.connection.requestMany(LIVE_PARTS_SUBJECT, undefined, {
    strategy: "timer",
    maxWait: waitMs,
    maxMessages: ANSWERS_MAX,
  });
  const reports: PartReport[] = [];
  for await (const answer of answers) {
    const report = decodePartReport(answer.string());
    if (report !== null) reports.push(report);
  }
  return reports;
}
